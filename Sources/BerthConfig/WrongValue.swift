/// Why a text is not the value it should be. What was expected is the kind's to say (`ValueKind.expected`).
package struct WrongValue: Error, Hashable {
    /// More than "expected …" says, where there is more to say: the remedy, mostly.
    package var hint: String?
    /// The part of the value that is wrong: an item of a list.
    var item: String?

    package init(_ hint: String? = nil) { self.hint = hint }
}
