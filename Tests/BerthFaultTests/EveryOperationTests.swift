import BerthTestSupport
import Foundation
import Testing

extension FaultTests.Operations {
    @Test(
        "whichever file operation fails, nothing acknowledged is lost and the server goes on",
        arguments: [
            Sweep(mode: .fail, files: .store, errors: .first),
            Sweep(mode: .fail, files: .store, errors: .second),
            Sweep(mode: .fail, files: .catalog, errors: .first),
            Sweep(mode: .fail, files: .catalog, errors: .second),
        ])
    func everyFailure(sweep: Sweep) async throws { try await sweep.run() }

    @Test(
        "whichever file operation a server is killed before, nothing acknowledged is lost",
        arguments: [
            Sweep(mode: .kill, files: .store, errors: .first),
            Sweep(mode: .kill, files: .catalog, errors: .first),
        ])
    func everyKill(sweep: Sweep) async throws { try await sweep.run() }
}

extension FaultTests.Starts {
    @Test(
        "a start after a kill may fail or be killed at any file operation, and the next one makes good",
        arguments: [
            Sweep(mode: .kill, files: .store, errors: .first),
            Sweep(mode: .kill, files: .catalog, errors: .first),
            Sweep(mode: .fail, files: .store, errors: .second),
            Sweep(mode: .fail, files: .catalog, errors: .first),
        ])
    func everyStart(sweep: Sweep) async throws { try await sweep.runAtStart { _ in } }

    @Test(
        "an update's first start may fail or be killed at any file operation, and the next one makes good",
        arguments: [
            Sweep(mode: .kill, files: .all, errors: .first),
            Sweep(mode: .fail, files: .all, errors: .first),
            Sweep(mode: .fail, files: .all, errors: .second),
        ])
    func everyMigration(sweep: Sweep) async throws { try await sweep.runAtStart(after: makeOlder) }
}

extension FaultTests.Starts {
    @Test(
        "a start that brings a snapshot back may fail or be killed at any file operation, and the next one makes good",
        arguments: [
            Sweep(mode: .kill, files: .all, errors: .first, step: Sweep.longStep),
            Sweep(mode: .fail, files: .all, errors: .first, step: Sweep.longStep),
        ])
    func everyRestore(sweep: Sweep) async throws { try await sweep.runAtStart(after: orderRestore) }

    @Test(
        "a start that finds a purge to be done may fail or be killed at any file operation, and the next one makes good",
        arguments: [
            Sweep(mode: .kill, files: .all, errors: .first, step: Sweep.longStep),
            Sweep(mode: .fail, files: .all, errors: .first, step: Sweep.longStep),
        ])
    func everyPurge(sweep: Sweep) async throws { try await sweep.runAtStart(after: orderPurge, then: expectPurged) }
}

/// One run of the script after another, each with the fault at a later operation, until a run meets none.
struct Sweep: Sendable, CustomTestStringConvertible {
    let mode: FaultPlan.Mode
    let files: FaultPlan.Files
    let errors: FaultPlan.Errors
    /// From one operation to the next that has its turn.
    var step = 1
    /// A thousand operations and more, each with a start of its own, are gone through in steps; FAULT_STEP=1 takes all.
    static let longStep = ProcessInfo.processInfo.environment["FAULT_STEP"].flatMap { Int($0) } ?? 11
    /// More operations than any run has.
    private static let most = 2_000

    var testDescription: String {
        "\(mode == .kill ? "killed" : errors.rawValue), \(files) files"
    }

    private func plan(_ nth: Int) -> FaultPlan { FaultPlan(mode: mode, files: files, nth: nth, errors: errors) }

    func run() async throws {
        let scratch = try Scratch()
        let shim = try FaultShim(in: scratch.path)
        let environment = try await shim.environment(root: scratch.root)
        var (facts, fault, turns) = (Facts(), "nothing", 0)
        for nth in 1..<Self.most {
            var server = try await BerthProcess.start(root: scratch.root, environment: environment)
            try await facts.check(server, after: fault)
            try await facts.continueUploads(server, after: fault, mayBeGone: fault.contains("uploads"))
            if mode == .kill, nth > 1 {
                // What the killed one left to settle is settled at a stop, and is not counted with this run.
                #expect(try await server.stop() == .status(0), "after \(fault): \(server.log)")
                server = try await BerthProcess.start(root: scratch.root, environment: environment)
            }
            facts = Facts()
            shim.arm(plan(nth))
            let script = Script(
                server: server, facts: facts, repository: "sweep/run\(nth)", seed: UInt64(nth), fault: { shim.victim })
            _ = try await script.run()
            try await script.settled(below: scratch.root, gaveUp: { shim.fired > 0 })
            if mode == .fail, shim.fired > 0 {
                shim.disarm()
                try await facts.check(server, after: shim.victim, isFinal: false)
            }
            let exit = try await server.stop()
            guard shim.fired > 0 else { break }
            #expect(
                mode == .fail ? exit == .status(0) : exit == .signal(SIGKILL), "after \(shim.victim): \(server.log)")
            #expect(shim.repeatedSyncs == 0, "\(shim.victim)")
            turns += 1
            fault = "\(shim.victim) (\(mode) \(nth))"
        }
        try await finish(scratch, facts, fault)
        #expect(shim.fired == 0, "operations were left without their turn")
        #expect(turns > 50, "only \(turns) operations had their turn")
    }

    private func finish(_ scratch: Scratch, _ facts: Facts, _ fault: String) async throws {
        let server = try await BerthProcess.start(root: scratch.root)
        try await facts.check(server, after: fault)
        try await facts.continueUploads(server, after: fault, mayBeGone: fault.contains("uploads"))
        let script = Script(server: server, facts: facts, repository: "sweep/last", seed: 0, fault: { "" })
        #expect(try await script.run() == .finished)
        #expect(try await server.stop() == .status(0))
        let strays = try #require(FileManager.default.enumerator(atPath: scratch.root)).compactMap { $0 as? String }
            .filter { $0.hasSuffix(".tmp") || $0.hasSuffix(".sealed") }
        #expect(strays.isEmpty)
    }

    /// Runs the script, kills the server, changes what it left by `preparing`, and starts on a copy of that for each
    /// operation.
    func runAtStart(
        after preparing: (_ root: String) throws -> Void, then check: (_ root: String) throws -> Void = { _ in }
    ) async throws {
        let scratch = try Scratch()
        let shim = try FaultShim(in: scratch.path)
        let environment = try await shim.environment(root: scratch.root)
        let facts = Facts()
        let killed = try await BerthProcess.start(root: scratch.root)
        let script = Script(server: killed, facts: facts, repository: "sweep/start", seed: 1, fault: { "" })
        #expect(try await script.run() == .finished)
        await killed.kill()
        try preparing(scratch.root)
        try await runProgram("cp", "-a", scratch.root, "\(scratch.path)/killed")

        var turns = 0
        for nth in stride(from: 1, to: Self.most, by: step) {
            try await runProgram("rm", "-rf", scratch.root)
            try await runProgram("cp", "-a", "\(scratch.path)/killed", scratch.root)
            shim.arm(plan(nth))
            let started = try BerthProcess(root: scratch.root, environment: environment)
            try? await started.listens()
            if started.isRunning {
                try await Script(server: started, facts: facts, repository: "", seed: 1, fault: { "" })
                    .settled(below: scratch.root, gaveUp: { shim.fired > 0 })
                try await started.stop()
            } else if mode == .fail {
                #expect(await started.exit() == .status(1))
                #expect(!started.log.isEmpty && !started.log.contains("Fatal"), "after \(shim.victim)")
            }
            guard shim.fired > 0 else { break }
            turns += 1
            let server = try await BerthProcess.start(root: scratch.root)
            try await facts.copy().check(server, after: "\(mode) \(nth) at start: \(shim.victim)")
            try await facts.copy().continueUploads(
                server, after: "\(mode) \(nth) at start: \(shim.victim)", mayBeGone: mode == .fail)
            #expect(try await server.stop() == .status(0), "after \(mode) \(nth) at start: \(server.log)")
            try check(scratch.root)
        }
        #expect(shim.fired == 0, "operations were left without their turn")
        #expect(turns > 30, "only \(turns) operations had their turn")
    }
}
