import BerthDigest
import Testing

@Suite("Seals")
struct SealKeyTests {
    private let key = SealKey([UInt8](repeating: 0x0b, count: 32))
    private let message = Array("an upload, a repository, a principal".utf8)

    @Test("a seal is the first half of HMAC-SHA256")
    func knownAnswer() {
        // printf 'Hi There' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0b…0b (32 bytes)
        let seal = key.seal(Array("Hi There".utf8))
        #expect(
            seal == [
                0x19, 0x8a, 0x60, 0x7e, 0xb4, 0x4b, 0xfb, 0xc6, 0x99, 0x03, 0xa0, 0xf1, 0xcf, 0x2b, 0xbd, 0xc5,
            ])
    }

    @Test("a seal holds for its own message and key, whole and unchanged")
    func holds() {
        let seal = key.seal(message)
        #expect(seal.count == SealKey.sealByteCount)
        #expect(key.isSeal(seal, of: message))
        #expect(!key.isSeal(seal, of: message + [0]))
        #expect(!SealKey.random().isSeal(seal, of: message))
        #expect(!key.isSeal([], of: message))
        #expect(!key.isSeal(Array(seal.dropLast()), of: message))
        #expect(!key.isSeal(seal + [0], of: message))
        for bit in 0..<(8 * seal.count) {
            var changed = seal
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!key.isSeal(changed, of: message))
        }
    }

    @Test("seals that many threads ask for at once are right")
    func atOnce() async {
        let key = key
        let messages = (0..<64).map { Array("message \($0)".utf8) }
        let expected = messages.map { SealKey(key.bytes).seal($0) }
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 { group.addTask { (0..<50).allSatisfy { _ in messages.map(key.seal) == expected } } }
            for await isRight in group { #expect(isRight) }
        }
    }

    @Test("a key does not show itself")
    func hidden() {
        let key = SealKey([UInt8](repeating: 201, count: 32))
        var dumped = ""
        dump(key, to: &dumped)
        for text in ["\(key)", String(reflecting: key), dumped] { #expect(!text.contains("201")) }
    }

    @Test("random bytes differ")
    func random() {
        #expect(randomBytes(32).count == 32)
        #expect(randomBytes(32) != randomBytes(32))
        #expect(SealKey.random().bytes != SealKey.random().bytes)
    }
}
