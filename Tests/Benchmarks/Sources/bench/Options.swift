import Glibc

/// What the command line asks for.
struct Options {
    static let usage = """
        usage: bench run [SCENARIO ...]     all scenarios, or those whose name, or scenario/case, matches (* and ? are wild)
               bench smoke [SCENARIO ...]   tiny versions of all; wrong answers are failures, times are not
               bench list                   the scenarios and their cases
               bench report FILE            a results file as Markdown
               bench clean                  removes the prepared contents

        --rounds N            rounds of each case (5)
        --seconds S           length of one measurement (1)
        --servers A,B         of berth, docker-registry, nginx, limit, distribution (all that are installed)
        --berth FILE          the binary that is measured (.build/release/berth, smoke: .build/debug/berth)
        --distribution FILE   another build of the distribution project's registry, as a further peer
        --cache FOLDER        where contents are kept; its file system is what is measured (Tests/Benchmarks/.cache)
        --json FILE           where the results go (Tests/Benchmarks/results/latest.json)
        --merge               keeps cases of that file that are not run again
        """

    var command = ""
    var patterns: [String] = []
    var plan = Plan()
    var servers: [String]?
    var berth: String
    var distribution: String?
    var cache: String
    var json: String
    var merges = false

    /// The package's folder and the repository's.
    private static let package = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
    private static let repository = package.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 }

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        command = rest.popFirst() ?? ""
        plan.isSmoke = command == "smoke"
        if plan.isSmoke { (plan.rounds, plan.seconds) = (1, 0.02) }
        berth = "\(Self.repository)/.build/\(plan.isSmoke ? "debug" : "release")/berth"
        if let path = getenv("BENCH_BERTH") { berth = String(cString: path) }
        cache = "\(Self.package)/.cache"
        json = "\(Self.package)/results/\(plan.isSmoke ? "smoke" : "latest").json"
        while let argument = rest.popFirst() {
            func value() throws -> String {
                guard let value = rest.popFirst() else { throw BenchError("\(argument) needs a value") }
                return value
            }
            func number<Number: LosslessStringConvertible>() throws -> Number {
                let text = try value()
                guard let number = Number(text) else { throw BenchError("\(argument): '\(text)' is no number") }
                return number
            }
            switch argument {
            case "--rounds": plan.rounds = try number()
            case "--seconds": plan.seconds = try number()
            case "--servers": servers = try value().split(separator: ",").map(String.init)
            case "--berth": berth = try value()
            case "--distribution": distribution = try value()
            case "--cache": cache = try value()
            case "--json": json = try value()
            case "--merge": merges = true
            default:
                guard !argument.hasPrefix("-") else { throw BenchError("unknown option \(argument)\n\(Self.usage)") }
                patterns += argument.split(separator: ",").map(String.init)
            }
        }
    }

    /// Whether a case of this scenario may have been asked for; making its cases takes time.
    func mayWant(_ scenario: String) -> Bool {
        patterns.isEmpty || patterns.contains { fnmatch(String($0.prefix { $0 != "/" }), scenario, 0) == 0 }
    }

    /// Whether a case was asked for.
    func wants(_ scenario: String, _ test: String) -> Bool {
        patterns.isEmpty
            || patterns.contains { fnmatch($0, scenario, 0) == 0 || fnmatch($0, "\(scenario)/\(test)", 0) == 0 }
    }

    /// The servers that were asked for and are installed; `say` gets what is missing.
    func installed(_ say: (String) -> Void) throws -> [any Server] {
        var all: [any Server] = [
            Berth(binary: berth), Distribution(name: "docker-registry", binary: "docker-registry"), Nginx(),
            BareLimit(binary: "\(Files.ownFolder)/limit"),
        ]
        if let distribution { all.append(Distribution(name: "distribution", binary: distribution)) }
        for name in servers ?? [] where !all.contains(where: { $0.name == name }) {
            throw BenchError("no server is called \(name)")
        }
        return all.filter { server in
            guard servers?.contains(server.name) ?? true else { return false }
            if server.version() != nil { return true }
            say("\(server.name) is not installed and left out")
            return false
        }
    }
}
