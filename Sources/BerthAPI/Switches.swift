/// What the operator has switched off. One check for every changing route.
package struct Switches: Sendable {
    package var isReadOnly = false
    package var deletesAreOff = false
    /// The operator's own words for a refused change.
    package var message: String?

    package init() {}

    func allow(_ kind: RouteEntry.Kind) -> Bool {
        switch kind {
        case .reading: true
        case .writing: !isReadOnly
        case .deleting: !isReadOnly && !deletesAreOff
        }
    }

    func check(_ entry: RouteEntry, allowed: @autoclosure () -> String) throws(Refusal) {
        guard !allow(entry.kind) else { return }
        throw .method(
            allowed(),
            message ?? (isReadOnly ? "The registry is read-only at the moment." : "Deleting is switched off here."))
    }
}
