import BerthModel

/// Uploads that were given a name lately and that no request has touched since. Forgets those of long ago where there are
/// many: they are then looked for on the disk, as after a start.
struct FreshUploads {
    private static let most = 1_024
    private var young: Set<UploadID> = []
    private var old: Set<UploadID> = []

    mutating func insert(_ upload: UploadID) {
        if young.count >= Self.most {
            old = young
            young = []
        }
        young.insert(upload)
    }

    /// True for the first who asks.
    mutating func take(_ upload: UploadID) -> Bool {
        young.remove(upload) != nil || old.remove(upload) != nil
    }
}
