import CLinux
import Glibc

/// A process and its descendants, as procfs shows them.
struct ProcessTree {
    let root: pid_t

    /// Processor seconds in both modes, of all threads, running and ended, and of children that were waited for.
    var cpuSeconds: Double { processes.reduce(0) { $0 + Self.cpu($1) } }

    /// Highest resident memory since `resetPeak`, in MB of 10^6 bytes, as the sum over the processes.
    var peakMB: Double { sum("status", "VmHWM:") }

    var residentMB: Double { sum("status", "VmRSS:") }

    /// What no file backs: the memory that the machine has less while it runs. The text of a program that one process maps
    /// would pass for private too, and tell how it was linked.
    var privateMB: Double { sum("smaps_rollup", "Pss_Anon:") }

    func resetPeak() {
        for process in processes { try? Files.write("5", to: "/proc/\(process)/clear_refs") }
    }

    private var processes: [pid_t] {
        var found = [root]
        var index = 0
        while index < found.count {
            let threads = (try? Self.names(in: "/proc/\(found[index])/task")) ?? []
            for thread in threads {
                let children = Files.text("/proc/\(found[index])/task/\(thread)/children")
                found += children.split(separator: " ").compactMap { pid_t($0) }
            }
            index += 1
        }
        return found
    }

    private static func names(in folder: String) throws -> [String] {
        guard let directory = opendir(folder) else { throw Files.failure(folder) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    /// The process's own clock counts nanoseconds, where /proc/PID/stat counts hundredths of a second.
    private static func cpu(_ process: pid_t) -> Double {
        var clock = clockid_t()
        guard clock_getcpuclockid(process, &clock) == 0 else { return 0 }
        let stat = Files.text("/proc/\(process)/stat")
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        // cutime and cstime, fields 16 and 17 of proc(5); the second field ends at ")".
        let ended = fields.count > 15 ? (Double(fields[14]) ?? 0) + (Double(fields[15]) ?? 0) : 0
        return Double(Clock.read(clock)) / 1e9 + ended / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    private func sum(_ file: String, _ key: String) -> Double {
        processes.reduce(0) { sum, process in
            let lines = Files.text("/proc/\(process)/\(file)").split(separator: "\n")
            let line = lines.first { $0.hasPrefix(key) } ?? ""
            let kibibytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
            return sum + (kibibytes.flatMap { Double($0) } ?? 0) * 1024 / 1e6
        }
    }
}
