import Glibc

/// The machine of a run.
struct Machine: Codable {
    var processor: String
    var cores: Int
    var memoryMB: Int
    var kernel: String
    var isVirtual: Bool
    var date: String

    static func present() -> Machine {
        let processor = Files.text("/proc/cpuinfo").split(separator: "\n")
        func field(_ name: String) -> String {
            let line = processor.first { $0.hasPrefix(name) } ?? ""
            return line.split(separator: ":").dropFirst().joined(separator: ":").trimmed
        }
        let memory = Files.text("/proc/meminfo").split(whereSeparator: { $0 == " " || $0 == "\n" })
        var seconds = time(nil)
        var now = tm()
        gmtime_r(&seconds, &now)
        return Machine(
            processor: field("model name"), cores: sysconf(Int32(_SC_NPROCESSORS_ONLN)),
            memoryMB: (memory.count > 1 ? Int(memory[1]) ?? 0 : 0) / 1000,
            kernel: Files.text("/proc/sys/kernel/osrelease").trimmed,
            isVirtual: field("flags").split(separator: " ").contains("hypervisor"),
            date: "\(1900 + now.tm_year)-\(two(1 + now.tm_mon))-\(two(now.tm_mday))")
    }

    private static func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// Processor time so far, of all cores: all of it, and what the hypervisor gave to others.
    static func times() -> (all: Double, stolen: Double) {
        let fields = Files.text("/proc/stat").split(separator: "\n").first?.split(separator: " ").dropFirst() ?? []
        let numbers = fields.prefix(8).compactMap { Double($0) }
        return (numbers.reduce(0, +), numbers.count > 7 ? numbers[7] : 0)
    }

    /// Touches and gives back memory. On a virtual machine the first touch of a page is dear, also of one that was freed
    /// some seconds ago and given back to the host, and would be paid by whichever server gets it.
    static func touchMemory(_ wanted: Int) {
        let available = Files.text("/proc/meminfo").split(separator: "\n").first { $0.hasPrefix("MemAvailable") } ?? ""
        let kibibytes = available.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        let bytes = min(wanted, kibibytes * 1024 / 2)
        guard bytes > 0 else { return }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | Int32(MAP_POPULATE)
        guard let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0), memory != MAP_FAILED else { return }
        munmap(memory, bytes)
    }
}

extension StringProtocol {
    /// Without white space around it.
    var trimmed: String {
        let start = drop { $0.isWhitespace }
        return String(String(start.reversed().drop { $0.isWhitespace }).reversed())
    }
}
