import Testing

@testable import BerthHTTP

@Suite("How much is read at once")
struct ReadSizesTests {
    @Test(
        "as much as came last, twice that where the buffer was filled, never more than a share",
        arguments: [
            // read, of, share, next
            (2_048, 2_048, .max, 4_096), (131_072, 131_072, .max, 262_144), (262_144, 262_144, .max, 262_144),
            (200, 2_048, .max, 2_048), (200, 262_144, .max, 2_048), (100_000, 262_144, .max, 131_072),
            (0, 65_536, .max, 2_048), (65_536, 65_536, 86_000, 65_536), (262_144, 262_144, 86_000, 65_536),
            (2_048, 2_048, 0, 2_048),
        ] as [(Int, Int, Int, Int)])
    func size(count: Int, size: Int, share: Int, next: Int) {
        #expect(ReadSizes.size(after: count, of: size, atMost: share) == next)
    }

    @Test("more bodies at once are read in smaller pieces (bounded memory a connection)")
    func share() {
        let memory = BodyMemory(limit: 128 << 20)
        var sizes = ReadSizes(memory: memory)
        while sizes.record(actualReadBytes: sizes.nextBufferSize() ?? 0) {}
        #expect(sizes.nextBufferSize() == 256 << 10)
        for _ in 0..<100 { memory.bodyBegan() }
        let grows = sizes.record(actualReadBytes: 256 << 10)
        #expect(!grows)
        #expect(sizes.nextBufferSize() == 64 << 10)
    }
}
