import BerthDigest
import BerthModel

// What was written is read again: hashes after a restart or by another algorithm, and small content.
extension UploadFile {
    /// Hashes a turn's worth of what an earlier process wrote. Answers whether all is hashed.
    mutating func catchUp() throws(BlobError) -> Bool {
        guard offset < foundSize else { return true }
        guard let descriptor else { throw .dead(id) }
        var reading = try Self.reading(catchingUp.take(), hasher.algorithm)
        do {
            try reading.readOn(descriptor, to: foundSize, uploads.files)
        } catch { throw failedReading(error) }
        offset = reading.offset
        guard offset == foundSize else {
            catchingUp = consume reading
            return false
        }
        hasher = reading.takeHasher()
        return true
    }

    /// The digest so far; nil if one turn of reading did not suffice and this has to be called again.
    mutating func digest(_ algorithm: Digest.Algorithm) throws(BlobError) -> Digest? {
        guard !isDead else { throw .dead(id) }
        do {
            if algorithm == hasher.algorithm { return try hasher.copy().finish() }
        } catch { throw BlobError(error) }
        var reading = try Self.reading(secondReading.take(), algorithm)
        if reading.offset < offset {
            let descriptor = try openedForWriting()
            do {
                try reading.readOn(descriptor, to: offset, uploads.files)
            } catch { throw failedReading(error) }
        }
        guard reading.offset == offset else {
            secondReading = consume reading
            return nil
        }
        do {
            return try reading.takeHasher().finish()
        } catch { throw BlobError(error) }
    }

    /// All bytes, nil if more than `limit`.
    mutating func bytes(upTo limit: Int) throws(BlobError) -> [UInt8]? {
        guard !isDead else { throw .dead(id) }
        guard offset <= Int64(limit) else { return nil }
        guard offset > 0 else { return [] }
        let descriptor = try openedForWriting()
        let bytes: [UInt8]
        do {
            bytes = try uploads.files.readAll(descriptor, count: Int(offset))
        } catch { throw uploads.failure(error) }
        guard bytes.count == Int(offset) else { throw die() }
        return bytes
    }

    private mutating func failedReading(_ error: SystemError) -> BlobError {
        error.errno == .stale ? die() : uploads.failure(error)
    }

    /// The reading that was begun, or a new one.
    private static func reading(
        _ begun: consuming HashedReading?, _ algorithm: Digest.Algorithm
    ) throws(BlobError) -> HashedReading {
        if let begun { return begun }
        do {
            return try HashedReading(algorithm)
        } catch { throw BlobError(error) }
    }
}
