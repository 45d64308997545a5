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
