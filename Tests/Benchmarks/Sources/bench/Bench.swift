import Dispatch
import Glibc

/// The benchmark's command line.
@main
enum Bench {
    static let scenarios: [any Scenario] = [
        LargePulls(), Manifests(), Credentials(), SmallBlobs(), LargePushes(), SmallImages(), Repushes(), Lists(),
        Mixed(), Standing(),
        Collecting(), Growth(),
    ]

    static func main() {
        signal(SIGPIPE, SIG_IGN)
        openManyFiles()
        let signals = endWithSignals()
        defer { withExtendedLifetime(signals) {} }
        do {
            let options = try Options(Array(CommandLine.arguments.dropFirst()))
            switch options.command {
            case "run", "smoke": exit(try run(options) ? 0 : 1)
            case "list": try list(options)
            case "report": say(Markdown(results: try Results.read(options.patterns.first ?? options.json)).text())
            case "clean": Files.remove(options.cache)
            default: throw BenchError(Options.usage)
            }
        } catch {
            complain("\(error)")
            exit(2)
        }
    }

    private static func list(_ options: Options) throws {
        for scenario in scenarios {
            say("\(scenario.name): \(scenario.summary)")
            for test in scenario.cases(options.plan, try options.installed { _ in }) {
                say("    \(scenario.name)/\(test.name): \(test.title)")
            }
        }
    }

    /// Returns whether every answer was right.
    private static func run(_ options: Options) throws -> Bool {
        let servers = try options.installed(complain)
        guard !servers.isEmpty else { throw BenchError("there is no server to measure") }
        try Files.makeFolder(options.cache)
        let runner = Runner(
            plan: options.plan, servers: servers, berth: Berth(binary: options.berth), folder: options.cache,
            say: complain)
        if options.merges, let earlier = try? Results.read(options.json) { runner.keep(earlier) }
        var (count, failures) = (0, 0)
        for scenario in scenarios where options.mayWant(scenario.name) {
            for test in scenario.cases(options.plan, servers) where options.wants(scenario.name, test.name) {
                count += 1
                do {
                    let result = try runner.run(test, of: scenario)
                    failures += result.failures
                    let table = Table(results: runner.results)
                    say(options.plan.isSmoke ? table.line(result) : table.text(result))
                    try runner.results.write(options.json)
                } catch {
                    failures += 1
                    say("\n\(scenario.name)/\(test.name): FAILED: \(error)")
                }
            }
        }
        guard count > 0 else { throw BenchError("no case is called \(options.patterns.joined(separator: ", "))") }
        let verdicts = runner.results.cases.flatMap { runner.results.verdicts($0) }
        if !options.plan.isSmoke { say("goals: \(verdicts.count { $0.isMet }) of \(verdicts.count) met") }
        if failures > 0 { say("\(failures) wrong answers") }
        return failures == 0
    }

    private static func say(_ text: String) { write(text, to: 1) }
    private static func complain(_ text: String) { write(text, to: 2) }

    /// A reader that went away is no reason to end.
    private static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array((text + "\n").utf8)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                bytes.baseAddress.map { Glibc.write(descriptor, $0 + done, bytes.count - done) } ?? 0
            }
            guard count > 0 else { return }
            done += count
        }
    }

    /// Ten thousand connections need as many descriptors, here and in the servers.
    private static func openManyFiles() {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// SIGINT and SIGTERM end the servers first.
    private static func endWithSignals() -> [any DispatchSourceSignal] {
        [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                Children.endAll()
                exit(128 + number)
            }
            source.resume()
            return source
        }
    }
}
