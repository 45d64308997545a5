/// Brings a dataset into a registry through its API, quickly: a POST for each blob, a PUT for each manifest and up to 60
/// of its tags.
final class Filler: Client {
    enum Job {
        case blob(Content, repository: String)
        case manifest(Dataset.Manifest, tags: ArraySlice<String>)
    }

    private static let tagsPerRequest = 60
    private let jobs: () -> Job?

    init(jobs: @escaping () -> Job?) { self.jobs = jobs }

    /// The jobs of blobs, and how many there are.
    static func jobs(_ blobs: [Dataset.Blobs]) -> (count: Int, next: () -> Job?) {
        var (group, number) = (0, blobs.first?.numbers.lowerBound ?? 0)
        return (
            blobs.reduce(0) { $0 + $1.numbers.count },
            {
                guard group < blobs.count else { return nil }
                let present = blobs[group]
                defer {
                    number += 1
                    if number == present.numbers.upperBound {
                        group += 1
                        number = group < blobs.count ? blobs[group].numbers.lowerBound : 0
                    }
                }
                return .blob(present.content(number), repository: present.repository)
            }
        )
    }

    static func jobs(_ manifests: [Dataset.Manifest]) -> (count: Int, next: () -> Job?) {
        var jobs: [Job] = []
        for manifest in manifests {
            var tags = manifest.tags[...]
            repeat {
                jobs.append(.manifest(manifest, tags: tags.prefix(tagsPerRequest)))
                tags = tags.dropFirst(tagsPerRequest)
            } while !tags.isEmpty
        }
        let (list, count) = (jobs, jobs.count)
        var index = 0
        return (
            count,
            {
                guard index < count else { return nil }
                defer { index += 1 }
                return list[index]
            }
        )
    }

    func next(_ connection: Connection) {
        connection.begin(Expectation(status: 201))
        switch jobs() {
        case .blob(let content, let repository):
            write(connection, "POST", "\(repository)/blobs/uploads/?digest=\(content.digest)", bytes: content.size)
            connection.attach(content)
        case .manifest(let manifest, let tags):
            let query = tags.map { "tag=\($0)" }.joined(separator: "&")
            let target = "\(manifest.repository)/manifests/\(manifest.digest)\(query.isEmpty ? "" : "?")\(query)"
            write(connection, "PUT", target, bytes: manifest.bytes.count)
            connection.out.append(manifest.bytes)
        case nil:
            connection.complain("more requests than jobs")
            write(connection, "GET", "", bytes: 0)
        }
    }

    func answered(_ connection: Connection) -> Bool { true }

    private func write(_ connection: Connection, _ method: String, _ target: String, bytes: Int) {
        let type = method == "PUT" ? ManifestTemplate.type : "application/octet-stream"
        connection.out.append(
            Array(
                """
                \(method) /v2/\(target) HTTP/1.1\r\nHost: localhost\r\nContent-Type: \(type)\r\n\
                Content-Length: \(bytes)\r\n\r\n
                """.utf8))
    }
}
