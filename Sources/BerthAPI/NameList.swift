import BerthHTTP
import BerthModel
import BerthRegistry
import HTTPTypes
import NIOCore

/// A list of names as JSON. Whatever fits into one reading is answered at once; a longer list leaves in pieces, so that
/// of it no more than one piece is ever in memory, however slow its client is.
struct NameList: Sendable {
    /// Names that are read at once.
    static let pieceLength = 1_000

    /// Where the list is; the next page is there as well.
    let path: String
    /// Writes what stands before the names, their key included.
    let opening: @Sendable (inout JSONWriter) -> Void
    /// At most so many names in byte order after the one given.
    let read: @Sendable (_ last: String?, _ limit: Int) async throws(RegistryError) -> Page<String>

    func answer(_ paging: Paging) async throws(Refusal) -> Response {
        let first: Page<String>
        let end: End
        do {
            first = try await read(paging.last, min(paging.limit, Self.pieceLength))
            end = try await self.end(of: paging, from: first)
        } catch { throw Refusal(error) }
        let pieces = Pieces(list: self, last: end.last, first: first)
        var response = Response.json(
            first.items.last == end.last ? .bytes(pieces.whole) : .stream(length: nil, pieces))
        if end.hasMore, let last = end.last { response.headers[.link] = paging.link(path, after: last) }
        return response
    }

    /// The last name of a page, and whether more follow.
    private struct End {
        var last: String?
        var hasMore: Bool
    }

    /// Where the page ends. The header that leads to the next one stands before all names, so they are counted first.
    private func end(of paging: Paging, from first: Page<String>) async throws(RegistryError) -> End {
        var end = End(last: first.items.last, hasMore: first.hasMore)
        var count = first.items.count
        while end.hasMore, count < paging.limit {
            let next = try await read(end.last, min(paging.limit - count, Self.pieceLength))
            guard let last = next.items.last else { return End(last: end.last, hasMore: false) }
            end = End(last: last, hasMore: next.hasMore)
            count += next.items.count
        }
        return end
    }
}

/// The JSON of a list, piece by piece, up to a name that was found to be its last: names that come and go meanwhile do
/// not move the end.
private struct Pieces: AsyncSequence {
    let list: NameList
    let last: String?
    let first: Page<String>

    /// The first piece, where it is the only one.
    var whole: ByteBuffer {
        var iterator = makeAsyncIterator()
        return iterator.write(first, isLast: true)
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(list: list, last: last, piece: first) }

    struct AsyncIterator: AsyncIteratorProtocol {
        private let list: NameList
        private let last: String?
        /// Read and not written yet; nil at the end.
        private var piece: Page<String>?
        private var json = JSONWriter()
        private var hasBegun = false

        init(list: NameList, last: String?, piece: Page<String>) {
            (self.list, self.last, self.piece) = (list, last, piece)
        }

        mutating func next() async throws -> ByteBuffer? {
            guard let piece else { return nil }
            let isLast = !piece.hasMore || piece.items.last.map { !comesBefore($0, last) } ?? true
            let bytes = write(piece, isLast: isLast)
            self.piece = isLast ? nil : try await list.read(piece.items.last, NameList.pieceLength)
            return bytes
        }

        mutating func write(_ piece: Page<String>, isLast: Bool) -> ByteBuffer {
            if !hasBegun {
                json.beginObject()
                list.opening(&json)
                json.beginArray()
                hasBegun = true
            }
            var names = piece.items[...]
            while let name = names.last, comesBefore(last, name) { names.removeLast() }
            for name in names { json.string(name) }
            if isLast {
                json.endArray()
                json.endObject()
            }
            return ByteBuffer(bytes: json.take())
        }

        /// In the order of the list: by bytes.
        private func comesBefore(_ one: String?, _ other: String?) -> Bool {
            guard let one, let other else { return false }
            return precedesInBytes(one, other)
        }
    }
}

extension Page {
    /// The same page with the items' names alone. Not in `Page`'s own room, from where the compiler would make it for any
    /// item there may be, and slower.
    func names(_ name: (Item) -> String) -> Page<String> { Page<String>(items: items.map(name), hasMore: hasMore) }
}
