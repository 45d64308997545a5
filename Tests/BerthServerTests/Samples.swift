import HTTPTypes
import Logging

@testable import BerthHTTP
@testable import BerthServer

extension WallTime {
    /// 2026-02-28T23:59:58.007Z
    static let sample = WallTime(seconds: 1_772_323_198, milliseconds: 7)
}

extension LogRecord {
    static func sample(
        _ level: Logger.Level = .info, message: String = "something happened", _ fields: [Field] = []
    ) -> LogRecord {
        LogRecord(time: .sample, level: level, label: "berth", message: message, fields: fields)
    }
}

extension RequestRecord {
    /// A pull of a blob that went well, apart from what a test says.
    static func sample(
        method: HTTPRequest.Method? = .get,
        target: String = "/v2/library/box/manifests/v1",
        route: String = "manifest",
        repository: String? = "library/box",
        status: HTTPResponse.Status = .ok,
        bytesIn: Int64 = 0,
        bytesOut: Int64 = 1234,
        duration: Duration = .microseconds(12_345),
        id: String = "r1",
        client: String = "192.0.2.7",
        userAgent: String? = "skopeo/1.9",
        isComplete: Bool = true
    ) -> RequestRecord {
        RequestRecord(
            method: method, target: target, labels: Response.Labels(route: route, repository: repository),
            status: status, bytesIn: bytesIn, bytesOut: bytesOut, duration: duration, id: id,
            client: client,
            userAgent: userAgent, isComplete: isComplete)
    }
}

extension LineFormat {
    func text(_ record: LogRecord) -> String {
        var bytes: [UInt8] = []
        append(record, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
