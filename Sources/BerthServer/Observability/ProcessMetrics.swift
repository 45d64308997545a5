import Glibc

/// What the kernel knows of this process. proc(5).
enum ProcessMetrics {
    /// Reads a few files of /proc: not for event loops. What can't be read is left out.
    static func samples() -> [GaugeSample] {
        var samples = [GaugeSample(.processorSeconds, processorSeconds())]
        if let bytes = residentBytes() { samples.append(GaugeSample(.residentMemory, bytes)) }
        if let count = openDescriptors() { samples.append(GaugeSample(.openDescriptors, count)) }
        if let time = startTime() { samples.append(GaugeSample(.startTime, time)) }
        return samples
    }

    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// The second number of statm, in pages.
    private static func residentBytes() -> Double? {
        guard let fields = text(of: "/proc/self/statm")?.split(separator: " "), fields.count > 1,
            let pages = Double(fields[1])
        else { return nil }
        return pages * Double(sysconf(CInt(_SC_PAGESIZE)))
    }

    /// Without the one that the counting itself opens.
    private static func openDescriptors() -> Double? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return Double(max(0, count - 3))
    }

    /// Field 22 of stat counts clock ticks since the machine started, at `btime` of /proc/stat.
    private static func startTime() -> Double? {
        guard let stat = text(of: "/proc/self/stat"), let name = stat.lastIndex(of: ")"),
            let machine = text(of: "/proc/stat")?.split(separator: "\n").first(where: {
                $0.hasPrefix("btime ")
            }),
            let boot = Double(machine.dropFirst(6))
        else { return nil }
        // The name, field 2, may hold spaces; field 3 is the first after it.
        let fields = stat[stat.index(after: name)...].split(separator: " ")
        guard fields.count > 19, let ticks = Double(fields[19]) else { return nil }
        return boot + ticks / Double(sysconf(CInt(_SC_CLK_TCK)))
    }

    /// A whole file, of /proc; nil if it can't be read.
    static func text(of path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(file, &chunk, chunk.count)
            guard count >= 0 else { return nil }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }
}
