/// What a tag's history has to tell: each change that was acknowledged, in order. Those without an answer may be in it.
struct History: Sendable {
    private struct Step {
        /// Nil: the tag was deleted.
        let digest: String?
        var isSure: Bool
    }
    private var steps: [Step] = []

    mutating func ask(_ digest: String?) { steps.append(Step(digest: digest, isSure: false)) }

    /// The change that was asked for last was made, or refused.
    mutating func answer(isDone: Bool) {
        if isDone, let last = steps.indices.last { steps[last].isSure = true } else { steps.removeLast() }
    }

    /// What was found is what there is.
    mutating func settle(_ found: [String?]) { steps = found.map { Step(digest: $0, isSure: true) } }

    /// Whether `found`, the oldest first, is what was acknowledged, with nothing in it that nobody asked for.
    ///
    /// - Parameter isSame: of what is expected, and what was found.
    func fits(_ found: [String?], _ isSame: (String?, String?) -> Bool) -> Bool {
        func fits(_ step: Int, _ place: Int) -> Bool {
            var (step, place) = (step, place)
            while step < steps.count, steps[step].isSure {
                guard place < found.count, isSame(steps[step].digest, found[place]) else { return false }
                (step, place) = (step + 1, place + 1)
            }
            guard step < steps.count else { return place == found.count }
            if place < found.count, isSame(steps[step].digest, found[place]), fits(step + 1, place + 1) { return true }
            return fits(step + 1, place)
        }
        return fits(0, 0)
    }

    var text: String { steps.map { ($0.digest?.suffix(6) ?? "none") + ($0.isSure ? "" : "?") }.joined(separator: " ") }
}
