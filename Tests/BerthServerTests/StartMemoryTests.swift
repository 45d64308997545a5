import Testing

@testable import BerthServer

@Suite("What a start leaves in memory")
struct StartMemoryTests {
    @Test("what nobody has written of the program is recognized, and nothing else is")
    func code() {
        let program = "5641d7a6b000-5641d9c3e000 r-xp 00979000 fe:00 16245448                   /usr/bin/a name"
        #expect(StartMemory.unwrittenRange(program[...], of: "/usr/bin/a name") == 0x5641_d7a6_b000..<0x5641_d9c3_e000)
        let first = "5641d70f1000-5641d7a6b000 r--p 00000000 fe:00 16245448                   /usr/bin/berth"
        #expect(StartMemory.unwrittenRange(first[...], of: "/usr/bin/berth") == 0x5641_d70f_1000..<0x5641_d7a6_b000)
        for other in [
            "5641d9da1000-5641dc36e000 rw-p 02cad000 fe:00 16245448                   /usr/bin/berth",
            "5641d9c3e000-5641d9da1000 r--p 02b68000 fe:00 16245448                   /usr/bin/berth",
            "7f71ed844000-7f71ed99a000 r-xp 00026000 fe:00 333151                     /usr/lib/libc.so.6",
            "7ffd0a5f3000-7ffd0a5f5000 r-xp 00000000 00:00 0                          [vdso]",
            "7f71b8000000-7f71b818c000 r-xp 00000000 00:00 0", "", "5641 r-xp 0 fe:00 7 /usr/bin/berth",
            "20-10 r-xp 0 fe:00 7 /usr/bin/berth",
        ] {
            #expect(StartMemory.unwrittenRange(other[...], of: "/usr/bin/berth") == nil, "\(other)")
        }
    }

    @Test("the program runs on without what was in memory of it")
    func release() {
        for _ in 0..<3 { StartMemory.release() }
        #expect((1...1_000).map { "\($0)" }.sorted().last == "999")
    }
}
