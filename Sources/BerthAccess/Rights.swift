import BerthModel

/// What somebody was granted, in a form that answers fast: single repositories by name, wildcards one after another.
struct Rights: Sendable {
    static let none = Rights()

    private var exact: [RepositoryName: ActionSet] = [:]
    private var patterns: [(pattern: RepositoryPattern, actions: ActionSet)] = []

    mutating func add(_ actions: ActionSet, on pattern: RepositoryPattern) {
        if let name = pattern.exact {
            exact[name, default: []].formUnion(actions)
        } else {
            patterns.append((pattern, actions))
        }
    }

    /// Whether the name itself is granted so much, and which patterns that match it are, each by itself.
    func patterns(
        granting wanted: ActionSet, on name: RepositoryName
    ) -> (isExact: Bool, wider: [RepositoryPattern]) {
        let wider = patterns.filter { $0.actions.contains(wanted) && $0.pattern.matches(name) }.map(\.pattern)
        return (exact[name]?.contains(wanted) ?? false, wider)
    }

    func allow(_ wanted: ActionSet, on name: RepositoryName) -> Bool {
        var found = exact.isEmpty ? [] : exact[name] ?? []
        if found.contains(wanted) { return true }
        for (pattern, actions) in patterns where !found.isSuperset(of: actions) && pattern.matches(name) {
            found.formUnion(actions)
            if found.contains(wanted) { return true }
        }
        return false
    }
}
