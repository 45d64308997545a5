import Testing

@testable import BerthConfig

@Suite("Durations and sizes")
struct NumberTextTests {
    @Test(
        "a duration is read, and written in its shortest form",
        arguments: [
            ("500ms", 500, "500ms"), ("2s", 2_000, "2s"), ("7d", 604_800_000, "7d"), ("1h30m", 5_400_000, "1h30m"),
            ("0s", 0, "0s"), ("0ms", 0, "0s"), ("90s", 90_000, "1m30s"), ("1d2h3m4s5ms", 93_784_005, "1d2h3m4s5ms"),
            ("007s", 7_000, "7s"),
        ])
    func durations(text: String, milliseconds: Int64, written: String) throws {
        let duration = try DurationText.read(text)
        #expect(duration == .milliseconds(milliseconds))
        #expect(DurationText.write(duration) == written)
        #expect(try DurationText.read(written) == duration)
    }

    @Test(
        "what is no duration says why",
        arguments: [
            ("", "no"), ("2", "the unit is missing"), ("s", "no"), ("-2s", "no"),
            ("2 s", "units are d, h, m, s and ms, largest first"),
            ("1.5s", "units are d, h, m, s and ms, largest first"),
            ("2S", "units are d, h, m, s and ms, largest first"),
            ("30m1h", "units are d, h, m, s and ms, largest first"),
            ("1s1s", "units are d, h, m, s and ms, largest first"),
            ("2s!", "no"), ("99999999999999999999s", "no"), ("9223372036854775807d", "no"), ("٢s", "no"),
            ("106751991167d7h12m55s808ms", "no"),
        ])
    func badDurations(text: String, reason: String) {
        #expect(hint { () throws(WrongValue) in try DurationText.read(text) } == reason)
    }

    @Test(
        "a size is read, and written with the largest unit that fits",
        arguments: [
            ("0", 0, "0"), ("512", 512, "512"), ("64KiB", 65_536, "64KiB"), ("10GiB", 10 << 30, "10GiB"),
            ("1024", 1_024, "1KiB"),
            ("1kB", 1_000, "1000"), ("4MB", 4_000_000, "4000000"), ("2TiB", 2 << 40, "2TiB"),
            ("1536KiB", 1_572_864, "1536KiB"),
        ])
    func sizes(text: String, bytes: Int, written: String) throws {
        #expect(try SizeText.read(text) == bytes)
        #expect(SizeText.write(bytes) == written)
        #expect(try SizeText.read(written) == bytes)
    }

    @Test(
        "what is no size says why",
        arguments: [
            ("", "no"), ("KiB", "no"), ("-1", "no"),
            ("1K", "units are KiB, MiB, GiB and TiB, or kB, MB, GB and TB by the thousand"),
            ("1.5GiB", "units are KiB, MiB, GiB and TiB, or kB, MB, GB and TB by the thousand"),
            ("1 GiB", "units are KiB, MiB, GiB and TiB, or kB, MB, GB and TB by the thousand"),
            ("9223372036854775808", "no"), ("9223372036854775807KiB", "no"),
            ("0x10", "units are KiB, MiB, GiB and TiB, or kB, MB, GB and TB by the thousand"),
        ])
    func badSizes(text: String, reason: String) {
        #expect(hint { () throws(WrongValue) in try SizeText.read(text) } == reason)
    }

    @Test("milliseconds never overflow")
    func milliseconds() {
        #expect(Duration.seconds(Int64.max).milliseconds == .max)
        #expect(Duration.microseconds(1_500).milliseconds == 1)
    }
}
