import Glibc
import Testing

@testable import BerthBlobs

@Suite("The storage root")
struct StoreRootTests {
    @Test("an absent root is made, folders of the owner alone, and keeps its id")
    func made() throws {
        let root = try TemporaryRoot()
        let path = root.path + "/var/lib/berth"
        let id: String
        do {
            let new = try StoreRoot(path: path)
            #expect(new.isNew)
            #expect(!new.uncleanPowerLoss)
            id = new.id
        }
        for name in ["", "/blobs", "/uploads", "/snapshots", "/keys", "/run"] {
            #expect(try root.status("var/lib/berth" + name).mode == 0o700)
        }
        #expect(String(decoding: try root.read("var/lib/berth/LAYOUT"), as: UTF8.self) == "berth 1\n\(id)\n")
        let again = try StoreRoot(path: path, id: id)
        #expect(again.id == id)
        #expect(!again.isNew)
    }

    @Test("a second process is told who holds the root")
    func locked() throws {
        let root = try TemporaryRoot()
        do {
            let first = try StoreRoot(path: root.path)
            let error = #expect(throws: StoreRootError.self) { try StoreRoot(path: root.path) }
            #expect(error?.description.contains("process \(getpid()) on ") == true)
            withExtendedLifetime(first) {}
        }
        _ = try StoreRoot(path: root.path)
    }

    @Test("a root that is not the one expected is refused, and left as it was")
    func refused() throws {
        let id = "6f1c7a52-5d0e-4c3a-9d54-000000000001"
        let other = "6f1c7a52-5d0e-4c3a-9d54-000000000002"
        let cases: [(layout: String?, stranger: String?, wanted: String?, error: (String) -> StoreRootError)] = [
            ("berth 2\nwhatever", nil, nil, { .newerLayout(path: $0, version: 2, known: 1) }),
            ("berth 1\n\(id)\n", nil, other, { .otherID(path: $0, found: id, wanted: other) }),
            ("berth one\n\(id)\n", nil, nil, { .unreadableLayout(path: $0) }),
            ("berth 1\n", nil, nil, { .unreadableLayout(path: $0) }),
            ("", nil, nil, { .unreadableLayout(path: $0) }),
            (nil, "photos", nil, { .notARoot(path: $0, found: "photos") }),
            (nil, nil, id, { .empty(path: $0, wanted: id) }),
        ]
        for (layout, stranger, wanted, error) in cases {
            let root = try TemporaryRoot()
            if let layout { try root.write("LAYOUT", Array(layout.utf8)) }
            if let stranger { try root.write(stranger, []) }
            #expect(throws: error(root.path)) { try StoreRoot(path: root.path, id: wanted) }
            #expect(
                try root.names("").filter { $0 != "lock" }
                    == [layout.map { _ in "LAYOUT" }, stranger].compactMap(\.self))
        }
        #expect(throws: StoreRootError.empty(path: "/tmp/berth-not-there", wanted: id)) {
            try StoreRoot(path: "/tmp/berth-not-there", id: id)
        }
        #expect(access("/tmp/berth-not-there", F_OK) != 0)
    }

    @Test("what a file system or a checkout puts into an empty folder does not make it another's")
    func harmless() throws {
        let root = try TemporaryRoot()
        for name in [".gitkeep", "README.md"] { try root.write(name, []) }
        mkdir(root.path + "/lost+found", 0o700)
        #expect(try StoreRoot(path: root.path).isNew)
    }

    @Test("a folder that everybody may write to is refused")
    func writableByAll() throws {
        let root = try TemporaryRoot()
        chmod(root.path, 0o777)
        #expect(throws: StoreRootError.writableByAll(path: root.path, mode: 0o777)) { try StoreRoot(path: root.path) }
        chmod(root.path, 0o700)
    }

    @Test("a file in the place of the root is refused with the reason")
    func file() throws {
        let root = try TemporaryRoot()
        try root.write("file", [])
        let error = #expect(throws: StoreRootError.self) { try StoreRoot(path: root.path + "/file") }
        #expect(error?.description.contains("Not a directory") == true)
    }

    @Test(
        "a loss of power is known from the boot and from how the last run ended (B7)",
        arguments: [
            (BootMark?.none, true, false),
            (nil, false, true),
            (BootMark(boot: "here", state: .running), false, false),
            (BootMark(boot: "before", state: .running), false, true),
            (BootMark(boot: "before", state: .clean), false, false),
            (BootMark(boot: "here", state: .lost), false, true),
        ])
    func losses(previous: BootMark?, isNew: Bool, expected: Bool) {
        #expect(BootMark.mayHaveLost(previous, isNew: isNew, boot: "here") == expected)
        let unknown = BootMark(boot: BootMark.unknownBoot, state: .running)
        #expect(
            BootMark.mayHaveLost(unknown, isNew: false, boot: BootMark.unknownBoot), "no boot is known for the same")
        #expect(previous.map(\.text).flatMap(BootMark.init) == previous)
    }

    @Test("a lock that an ended process has left to its child is waited for, one of a living process is not")
    func leftLock() throws {
        let root = try TemporaryRoot()
        let files = FaultyFiles()
        _ = try StoreRoot(path: root.path, files: files)
        let own = String(decoding: try root.read("lock"), as: UTF8.self)
        let line = try #require(own.firstRange(of: "process \(getpid()) "))
        // Process 1 lives everywhere, and no process has the last number.
        for (holder, isWaitedFor) in [("1", false), ("\(Int32.max)", true), ("\(getpid())", true)] {
            var text = own
            text.replaceSubrange(line, with: "process \(holder) ")
            try root.write("lock", Array(text.utf8))
            files.arm(failing: 1, with: .wouldBlock, of: [.lock])
            if isWaitedFor {
                _ = try StoreRoot(path: root.path, files: files)
            } else {
                #expect(throws: StoreRootError.self) { try StoreRoot(path: root.path, files: files) }
            }
            #expect(files.hasFailed)
        }
    }

    @Test("a loss of power is remembered until it has been dealt with")
    func remembered() throws {
        let root = try TemporaryRoot()
        func start(_ boot: String, _ then: (StoreRoot) throws -> Void = { _ in }) throws -> Bool {
            let opened = try StoreRoot(path: root.path, id: nil, sync: .always, files: SystemFiles(), boot: boot)
            try then(opened)
            return opened.uncleanPowerLoss
        }
        #expect(try !start("one"))
        #expect(try !start("one"), "killed, and started again on the same boot")
        #expect(try start("two"), "the power was cut")
        #expect(try start("two"), "killed before it was dealt with")
        #expect(try start("two") { try $0.markRecovered() })
        #expect(try !start("two") { try $0.markClean() })
        #expect(try !start("three"), "stopped in good order")
        #expect(try !StoreLayout.isUUID(String(decoding: root.read("run/boot"), as: UTF8.self)))
    }

    @Test("whichever system call fails, the root is refused with a reason and opens later")
    func everyFailure() throws {
        var failures = 0
        for nth in 1... {
            let root = try TemporaryRoot()
            let files = FaultyFiles()
            files.arm(failing: nth, with: .inputOutput)
            let opened = try? StoreRoot(path: root.path, files: files)
            #expect((opened == nil) == files.hasFailed)
            guard files.hasFailed else { break }
            failures += 1
            #expect(files.openDescriptors == 0)
            _ = try StoreRoot(path: root.path)
        }
        #expect(failures > 0)
    }
}
