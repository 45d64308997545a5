package import BerthModel

/// What a client asks a token for, as Docker's token protocol writes it: `repository:team/app:pull,push`. What is not
/// understood is left out, never an error.
package struct RequestedScopes: Sendable, Equatable {
    /// No more are read.
    static let most = 100

    /// In the order in which they were asked for first; no name twice.
    package private(set) var repositories: [(name: RepositoryName, actions: ActionSet)] = []
    package private(set) var asksForCatalog = false

    /// - Parameter parameters: the values of `scope`, each of which may hold several, between spaces.
    package init(_ parameters: some Sequence<String>) {
        var positions: [RepositoryName: Int] = [:]
        let scopes = parameters.lazy.flatMap { $0.utf8.split(separator: UInt8(ascii: " ")) }
        for scope in scopes.prefix(Self.most) {
            // A name may hold a colon, before a port: it lies between the first and the last.
            guard let first = scope.firstIndex(of: UInt8(ascii: ":")),
                let last = scope.lastIndex(of: UInt8(ascii: ":")), first < last
            else { continue }
            let type = scope[..<first]
            let name = String(Substring(scope[scope.index(after: first)..<last]))
            let words = scope[scope.index(after: last)...].split(separator: UInt8(ascii: ","))
            if type.elementsEqual("registry".utf8) {
                asksForCatalog = asksForCatalog || hasSameBytes(name, "catalog") && !words.isEmpty
                continue
            }
            guard type.elementsEqual("repository".utf8), let name = try? RepositoryName(name) else { continue }
            let actions = words.reduce(into: ActionSet()) { $0.formUnion(Self.actions($1)) }
            if let position = positions[name] {
                repositories[position].actions.formUnion(actions)
            } else {
                positions[name] = repositories.count
                repositories.append((name, actions))
            }
        }
    }

    private static func actions(_ word: Substring.UTF8View) -> ActionSet {
        if word.elementsEqual("pull".utf8) { return .pull }
        if word.elementsEqual("push".utf8) { return .push }
        if word.elementsEqual("delete".utf8) { return .delete }
        return word.elementsEqual("*".utf8) ? .content : []
    }

    package static func == (a: RequestedScopes, b: RequestedScopes) -> Bool {
        a.asksForCatalog == b.asksForCatalog
            && a.repositories.elementsEqual(b.repositories) { $0.name == $1.name && $0.actions == $1.actions }
    }
}

/// One entry of a token's `access`.
struct GrantedScope: Sendable {
    let type: String
    let name: String
    let actions: [String]

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.key("type")
        json.string(type)
        json.key("name")
        json.string(name)
        json.key("actions")
        json.beginArray()
        for action in actions { json.string(action) }
        json.endArray()
        json.endObject()
    }

    /// Bytes in the claims, about.
    var size: Int { 48 + type.utf8.count + name.utf8.count + actions.reduce(0) { $0 + $1.utf8.count + 3 } }
}
