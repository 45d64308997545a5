package import BerthModel

/// Who may do what. Every route asks this one question before it touches anything.
package protocol AccessPolicy: Sendable {
    /// Whether `caller` may do `action` on `repository`; nil asks about the registry as a whole (its catalog).
    /// Called on event loops: answers from memory.
    func decide(_ caller: Caller, _ action: Action, _ repository: RepositoryName?) -> Bool
}

/// A registry without accounts: everybody may do what the operator opened to everybody.
package struct OpenAccess: AccessPolicy {
    package enum Openness: Sendable { case nothing, pull, push }
    package let openness: Openness

    package init(_ openness: Openness) { self.openness = openness }

    package func decide(_ caller: Caller, _ action: Action, _ repository: RepositoryName?) -> Bool {
        switch openness {
        case .nothing: false
        case .pull: action == .pull
        case .push: true
        }
    }
}
