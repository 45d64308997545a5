package import BerthModel
import BerthRegistry

/// Whether everybody may pull from a repository, and by what.
package struct Visibility: Hashable, Sendable {
    /// There are no accounts, and everybody may pull from everywhere.
    package let isOpen: Bool
    /// Everyone is a reader of exactly this name.
    package let isGranted: Bool
    /// Patterns beyond the name itself of which everyone is a reader.
    package let patterns: [RepositoryPattern]

    package var isPublic: Bool { isOpen || isGranted || !patterns.isEmpty }
}

extension Access {
    /// Whether everybody may pull from the repository, as decisions are made now. While there are no accounts, grants
    /// are told too: they count from the first account on.
    package func visibility(of repository: RepositoryName) -> Visibility {
        let (isGranted, patterns) = snapshot.everyone.patterns(granting: .pull, on: repository)
        return Visibility(
            isOpen: !isClosed && settings.open.decide(.anonymous, .pull, repository), isGranted: isGranted,
            patterns: patterns)
    }

    /// Makes everyone a reader of exactly this name, or takes that back. Whether anything had to be changed; what a wider
    /// pattern grants stays.
    package func setPublic(
        _ isPublic: Bool, _ repository: RepositoryName, by actor: Actor
    ) async throws(AccessError) -> Bool {
        let pattern = RepositoryPattern(repository)
        if isPublic {
            if try await addGrant(to: .everyone, .reader, on: pattern, by: actor) == .added { return true }
            return try await changeGrant(to: .everyone, on: pattern, isDisabled: false, by: actor)
        }
        return try await removeGrant(from: .everyone, on: pattern, by: actor)
    }
}
