import BerthModel

/// What a bearer token says, once its signature has been found good.
struct BearerToken: Sendable {
    let principal: Principal
    /// Id of the user or robot: a later account of the same name is another one. 0: anonymous.
    let accountID: Int64
    /// The account's version at that time: a change of the password and a disabling end the token. 0: anonymous.
    let version: Int64
    /// The personal token or robot's secret that it was issued for: it ends with that.
    let secretID: Int64?
    /// The rule about certificates by which it was issued: it ends with that.
    let certificateID: Int64?
    let reach: TokenReach
    /// Seconds since 1970.
    let notBefore: Int64
    let expires: Int64
    /// The id of the key that has signed it; nil before that.
    let key: String?

    /// Times beyond are no times: sums with them stay small.
    private static let times: ClosedRange<Int64> = 0...(1 << 40)

    /// Claims by their names: RFC 7519, section 4.1, and Docker's `access`.
    struct Names {
        let issuer: String
        /// The `service` of challenges.
        let audience: String
    }

    /// Nil unless every claim is there, of its type, and meant for this registry.
    init?(_ claims: JSONObject, key: String, _ names: Names) {
        guard case .string(let issuer)? = claims["iss"], hasSameBytes(issuer, names.issuer),
            case .string(let audience)? = claims["aud"], hasSameBytes(audience, names.audience),
            case .string(let subject)? = claims["sub"], let principal = Principal(subject),
            case .integer(let notBefore)? = claims["nbf"], Self.times.contains(notBefore),
            case .integer(let expires)? = claims["exp"], Self.times.contains(expires),
            case .integer(let account)? = claims["berth.account"],
            case .integer(let version)? = claims["berth.version"], case .array(let access)? = claims["access"]
        else { return nil }
        switch claims["berth.secret"] {
        case nil: secretID = nil
        case .integer(let id): secretID = id
        default: return nil
        }
        switch claims["berth.certificate"] {
        case nil: certificateID = nil
        case .integer(let id): certificateID = id
        default: return nil
        }
        (self.principal, accountID, self.version) = (principal, account, version)
        (self.notBefore, self.expires, self.key) = (notBefore, expires, key)
        reach = TokenReach(access)
    }

    /// One that is to be signed; what it grants is given with its claims. `account` nil: for everybody.
    init(for account: Account?, notBefore: Int64, expires: Int64) {
        (principal, accountID) = (account?.principal ?? .anonymous, account?.id ?? 0)
        (version, secretID) = (account?.version ?? 0, account?.secret?.id)
        certificateID = account?.certificate?.rule
        (reach, self.notBefore, self.expires, key) = (TokenReach(), notBefore, expires, nil)
    }

    /// Bytes that it takes in memory, about.
    var weight: Int { reach.repositories.keys.reduce(384) { $0 + 96 + $1.text.utf8.count } }

    /// The claims as they are signed. `id` is new for each token.
    func claims(_ names: Names, id: String, access: [GrantedScope]) -> [UInt8] {
        var json = JSONWriter(reservingCapacity: 512)
        json.beginObject()
        for (name, value) in [
            ("iss", names.issuer), ("sub", principal.text), ("aud", names.audience), ("jti", id),
        ] {
            json.key(name)
            json.string(value)
        }
        for (name, value) in [
            ("iat", notBefore), ("nbf", notBefore), ("exp", expires), ("berth.account", accountID),
            ("berth.version", version),
        ] {
            json.key(name)
            json.int(value)
        }
        if let secretID {
            json.key("berth.secret")
            json.int(secretID)
        }
        if let certificateID {
            json.key("berth.certificate")
            json.int(certificateID)
        }
        json.key("access")
        json.beginArray()
        for scope in access { scope.write(to: &json) }
        json.endArray()
        json.endObject()
        return json.bytes
    }
}

extension TokenReach {
    /// Entries of another type or form allow nothing.
    init(_ access: [JSONValue]) {
        var repositories: [RepositoryName: ActionSet] = [:]
        var readsCatalog = false
        for case .object(let entry) in access {
            guard case .string(let type)? = entry["type"], case .string(let name)? = entry["name"],
                case .array(let words)? = entry["actions"]
            else { continue }
            if hasSameBytes(type, "registry") {
                readsCatalog = readsCatalog || hasSameBytes(name, "catalog")
            } else if hasSameBytes(type, "repository"), let name = try? RepositoryName(name) {
                for case .string(let word) in words {
                    guard let action = Action(rawValue: word) else { continue }
                    repositories[name, default: []].insert(ActionSet(action))
                }
            }
        }
        self.init(repositories: repositories, readsCatalog: readsCatalog)
    }
}
