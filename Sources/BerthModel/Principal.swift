/// Who makes a request. Recorded in every row that says who, and sealed into every upload's location.
package enum Principal: Hashable, Sendable, CustomStringConvertible {
    /// Nobody in particular; a kind of its own, never a user.
    case anonymous
    case user(String)
    /// A program's account, `<namespace>+<name>`: it reaches nothing outside of its namespace.
    case robot(String)
    /// A job of a CI system, let in by the trust rule of this name; `subject` is who its issuer says it is, in visible
    /// ASCII.
    case job(rule: String, subject: String)

    /// One line without spaces, the same for the same principal for ever: it is stored and sealed.
    package var text: String {
        switch self {
        case .anonymous: "anonymous"
        case .user(let name): "user:\(name)"
        case .robot(let name): "robot:\(name)"
        case .job(let rule, let subject): "job:\(rule):\(subject)"
        }
    }
    package var description: String { text }

    /// Reads back what `text` gave; nil for anything else.
    package init?(_ text: String) {
        if hasSameBytes(text, "anonymous") {
            self = .anonymous
        } else if let name = Self.rest(of: text, after: "user:") {
            self = .user(name)
        } else if let name = Self.rest(of: text, after: "robot:"), name.utf8.contains(UInt8(ascii: "+")) {
            self = .robot(name)
        } else if let job = Self.rest(of: text, after: "job:"), let colon = job.utf8.firstIndex(of: UInt8(ascii: ":")),
            let rule = String(job.utf8[..<colon]), let subject = String(job.utf8[colon...].dropFirst()),
            !rule.isEmpty, !subject.isEmpty
        {
            self = .job(rule: rule, subject: subject)
        } else {
            return nil
        }
    }

    /// A job whose issuer calls it `subject`, be that what it may: other bytes than visible ASCII, and `%`, are escaped.
    package init(jobOf rule: String, subject: String) {
        var escaped: [UInt8] = []
        for byte in subject.utf8 {
            if byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "%") {
                escaped.append(byte)
            } else {
                escaped += [UInt8(ascii: "%"), lowerHexDigit(byte >> 4), lowerHexDigit(byte & 15)]
            }
        }
        self = .job(rule: rule, subject: String(decoding: escaped, as: UTF8.self))
    }

    /// As bytes: a Character may span the colon.
    private static func rest(of text: String, after prefix: StaticString) -> String? {
        let count = prefix.utf8CodeUnitCount
        guard text.utf8.count > count, prefix.withUTF8Buffer({ text.utf8.starts(with: $0) }) else { return nil }
        return String(Substring(text.utf8.dropFirst(count)))
    }
}

/// What a principal may want to do with a repository.
package enum Action: String, Hashable, Sendable, CaseIterable {
    case pull, push, delete, manage, admin
}

/// Some actions.
package struct ActionSet: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package init(_ action: Action) {
        switch action {
        case .pull: self = .pull
        case .push: self = .push
        case .delete: self = .delete
        case .manage: self = .manage
        case .admin: self = .admin
        }
    }

    package static let pull = ActionSet(rawValue: 1)
    package static let push = ActionSet(rawValue: 2)
    package static let delete = ActionSet(rawValue: 4)
    package static let manage = ActionSet(rawValue: 8)
    package static let admin = ActionSet(rawValue: 16)
    /// What Docker's scopes call `*`: everything that a client does with content.
    package static let content: ActionSet = [.pull, .push, .delete]
    package static let all: ActionSet = [.pull, .push, .delete, .manage, .admin]

    /// In the order of `Action`.
    package var actions: [Action] { Action.allCases.filter { contains(ActionSet($0)) } }
    /// As scopes write them: `pull,push`.
    package var text: String { actions.map(\.rawValue).joined(separator: ",") }
}
