import Foundation

/// What it costs to know who asks.
struct Credentials: Scenario {
    let name = "credentials"
    let summary = "manifest GET with a bearer token and with Basic beside none; tokens beside bare signatures"

    func cases(_ plan: Plan, _ servers: [any Server]) -> [Case] {
        guard let berth = servers.compactMap({ $0 as? Berth }).first else { return [] }
        let closed = ClosedBerth(binary: berth.binary)
        let images = Datasets.images(plan)
        return Way.allCases.map { read(images, $0, berth, closed, plan) } + [tokens(images, closed, servers, plan)]
    }

    /// How a request says who sends it.
    private enum Way: String, CaseIterable, Sendable { case bearer, basic }

    private func read(_ images: Dataset, _ way: Way, _ berth: Berth, _ closed: ClosedBerth, _ plan: Plan) -> Case {
        let connections = plan.pick(64, smoke: 8)
        return Case(
            name: "get-tag-\(connections)-\(way)",
            title:
                "manifest GET by tag, \(connections) connections, \(way == .bearer ? "with a bearer token" : "Basic")",
            entrants: [
                Entrant(label: berth.name, server: berth, root: .own(images)),
                Entrant(label: closed.name, server: closed, root: .own(images)),
            ],
            subject: closed.name, goals: [.rate(0.95, berth.name)]
        ) { trial in
            let who = trial.server is ClosedBerth ? try line(way, trial, images) : ""
            let table = RequestTable()
            for manifest in images.manifests {
                table.add(
                    "GET", "/v2/\(manifest.repository)/manifests/\(manifest.tags[0])",
                    fields: "Accept: \(ManifestTemplate.type)\r\n\(who)",
                    Expectation(length: manifest.bytes.count, body: table.keep(manifest.bytes)))
            }
            let load = try trial.load(connections: connections) { RandomReader(table, seed: $0) }
            try trial.warm(load, .seconds(trial.plan.seconds / 10))
            return trial.measure(load, .seconds(trial.plan.seconds))
        }
    }

    /// A token takes a signature at least: as many as `openssl speed` makes on one core are the limit.
    private func tokens(_ images: Dataset, _ closed: ClosedBerth, _ servers: [any Server], _ plan: Plan) -> Case {
        var entrants = [Entrant(label: closed.name, server: closed, root: .own(images))]
        if let limit = servers.first(where: { $0 is BareLimit }) {
            entrants.append(Entrant(label: "ES256 alone", server: limit, root: .empty))
        }
        return Case(
            name: "tokens-8", title: "tokens for one repository, 8 connections; bare ES256 signatures on one core",
            entrants: entrants, subject: closed.name
        ) { trial in
            guard trial.server is ClosedBerth else { return try signatures(trial.plan) }
            let table = RequestTable()
            table.add(
                "GET", target(images), fields: Self.basic, Expectation(body: .kept))
            let load = try trial.load(connections: 8) { OrderlyReader(table, beginningAt: $0) }
            try trial.warm(load, .operations(8))
            return trial.measure(load, .seconds(trial.plan.seconds))
        }
    }

    private static let basic =
        "Authorization: Basic "
        + Data("\(ClosedBerth.user):\(ClosedBerth.password)".utf8).base64EncodedString() + "\r\n"

    private func target(_ images: Dataset) -> String {
        "/auth/token?service=berth&scope=repository:\(images.manifests[0].repository):pull"
    }

    private func line(_ way: Way, _ trial: Trial, _ images: Dataset) throws -> String {
        guard way == .bearer else { return Self.basic }
        let answer = try Probe.body(port: trial.process.port, target(images), fields: Self.basic)
        let json = try? JSONSerialization.jsonObject(with: Data(answer)) as? [String: Any]
        guard let token = json?["token"] as? String else {
            throw BenchError("no token: \(String(decoding: answer, as: UTF8.self))")
        }
        return "Authorization: Bearer \(token)\r\n"
    }

    /// `openssl speed -mr` prints `+F4:index:256:signatures a second:verifications a second`.
    private func signatures(_ plan: Plan) throws -> Measurement {
        let command = ["openssl", "speed", "-mr", "-seconds", "\(max(1, Int(plan.seconds)))", "ecdsap256"]
        let output = Shell.output(command) ?? ""
        let fields = output.split(separator: "\n").first { $0.hasPrefix("+F4:") }?.split(separator: ":") ?? []
        guard fields.count == 5, let rate = Double(fields[3]), rate > 0 else {
            throw BenchError("openssl speed says \(output)")
        }
        return Measurement(values: [.cpu: 1e6 / rate, .rate: rate])
    }
}
