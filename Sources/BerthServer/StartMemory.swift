import Foundation
import Glibc

/// The memory that a start leaves behind.
enum StartMemory {
    /// Lets go of the program's code and of its tables of types in this process's memory: most of it was needed by the
    /// start alone. What is needed again comes back page by page, from the kernel's memory as a rule, without waiting for a
    /// disk (madvise(2), MADV_DONTNEED: the pages of a file that nobody has changed).
    static func release() {
        guard let maps = ProcessMetrics.text(of: "/proc/self/maps"),
            let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        else { return }
        for line in maps.split(separator: "\n") {
            guard let range = unwrittenRange(line, of: program),
                let start = UnsafeMutableRawPointer(bitPattern: range.lowerBound)
            else { continue }
            // Where the kernel will not, it stays.
            madvise(start, range.count, MADV_DONTNEED)
        }
    }

    /// The addresses of a line of maps (proc_pid_maps(5)), if they are the program's code or what its file begins with: never
    /// written, so that nothing but the file's own bytes can be there, and never unloaded as libraries can be. What is read
    /// alone further on in the file was written by the loader before.
    static func unwrittenRange(_ line: Substring, of program: String) -> Range<UInt>? {
        guard line.utf8.suffix(program.utf8.count).elementsEqual(program.utf8) else { return nil }
        let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
        guard fields.count == 6, fields[5].drop(while: { $0 == " " }) == program,
            fields[1] == "r-xp" || fields[1] == "r--p" && UInt(fields[2], radix: 16) == 0
        else { return nil }
        let ends = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard ends.count == 2, ends[0] < ends[1] else { return nil }
        return ends[0]..<ends[1]
    }
}
