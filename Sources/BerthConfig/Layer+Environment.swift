import Configuration

extension SettingsTable {
    /// The variable that names the file; no key.
    static var fileVariable: String { "BERTH_CONFIG" }

    /// The variables of `environment` that start with `BERTH_`; nil where there are none. Lists are written with commas.
    func environmentLayer(_ environment: [String: String], problems: inout [ConfigurationProblem]) -> Layer? {
        let ours = environment.filter { $0.key.hasPrefix("BERTH_") }
        if ours.isEmpty { return nil }
        let known = variables.map(\.variable)
        for variable in ours.keys.sorted() where !known.contains(variable) && variable != Self.fileVariable {
            if isServiceLink(variable) { continue }
            let nearest = nearestName(to: variable, among: known + [Self.fileVariable])
            problems.append(
                ConfigurationProblem(origin: .variable(variable), fault: .unknownVariable(nearest: nearest)))
        }
        let snapshot = EnvironmentVariablesProvider(environmentVariables: ours).snapshot()
        return Layer(snapshot: snapshot, prefix: ["berth"]) { .variable(Self.variable(of: $0)) }
    }
}

/// Whether a variable is one that Kubernetes and Docker's links put into containers beside a service called `berth`
/// (`BERTH_SERVICE_HOST`, `BERTH_PORT_5000_TCP_ADDR`): nobody wrote it, so it is no mistake.
func isServiceLink(_ variable: String) -> Bool {
    var words = variable.split(separator: "_", omittingEmptySubsequences: false)[...]
    func drop(_ choices: Set<Substring>) -> Bool {
        guard let last = words.last, choices.contains(last) else { return false }
        words.removeLast()
        return true
    }
    if words.suffix(2).elementsEqual(["SERVICE", "HOST"]) { return true }
    if let service = words.lastIndex(of: "SERVICE"), words[(service + 1)...].first == "PORT" { return true }
    if drop(["PORT"]) {
        // BERTH_PORT, or with the protocol before it: BERTH_PORT_5000_TCP_PORT.
        guard drop(["TCP", "UDP", "SCTP"]) else { return true }
    } else {
        _ = drop(["PROTO", "ADDR"])
        guard drop(["TCP", "UDP", "SCTP"]) else { return false }
    }
    guard let number = words.last, wholeNumber(number) != nil else { return false }
    words.removeLast()
    return words.last == "PORT"
}
