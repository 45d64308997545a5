import BerthModel
import Testing

@testable import BerthRegistry

@Suite("How many unfinished uploads there may be")
struct UploadQuotaTests {
    private let uploads = (1...4).map { number in
        var random = SystemRandomNumberGenerator()
        return UploadID(startedMilliseconds: Int64(number), using: &random)
    }

    @Test("an upload without bytes holds no place after its request")
    func empty() {
        let quota = UploadQuota(mostUploads: 1, mostBytes: 10)
        #expect(quota.admit(uploads[0], of: "ann", holding: 0) && !quota.admit(uploads[1], of: "ann", holding: 0))
        quota.settle(uploads[0], bytes: 0)
        #expect(quota.admit(uploads[1], of: "ann", holding: 0))
    }

    @Test("bytes are counted as they come, and what went back is room again")
    func bytes() {
        let quota = UploadQuota(mostUploads: 3, mostBytes: 10)
        #expect(quota.admit(uploads[0], of: "ann", holding: 4) && quota.admit(uploads[1], of: "ann", holding: 0))
        #expect(quota.charge(uploads[1], 6) && !quota.charge(uploads[1], 1) && !quota.charge(uploads[0], 1))
        #expect(!quota.charge(uploads[0], .max))
        quota.settle(uploads[1], bytes: 2)
        #expect(quota.charge(uploads[0], 4) && !quota.charge(uploads[0], 1))
        #expect(quota.admit(uploads[2], of: "bob", holding: 0) && quota.charge(uploads[2], 10))
    }

    @Test("what is past its age holds no place, however it went")
    func age() {
        let quota = UploadQuota(mostUploads: 2, mostBytes: 10)
        #expect(quota.admit(uploads[0], of: "ann", holding: 5) && quota.admit(uploads[2], of: "ann", holding: 5))
        quota.release(startedBefore: 3)
        #expect(quota.admit(uploads[1], of: "ann", holding: 0) && !quota.admit(uploads[3], of: "ann", holding: 0))
        #expect(quota.charge(uploads[1], 5) && !quota.charge(uploads[1], 1))
    }
}
