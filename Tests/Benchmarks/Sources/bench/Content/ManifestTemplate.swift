import Glibc

/// An image manifest whose digests are filled in, each time elsewhere in memory, without building JSON anew.
struct ManifestTemplate {
    static let type = "application/vnd.oci.image.manifest.v1+json"
    static let layerType = "application/vnd.oci.image.layer.v1.tar+gzip"

    let bytes: [UInt8]
    /// Where the 64 digits of the config's and of each layer's digest go.
    private let places: [Int]

    /// - Parameter more: further members of the manifest, each with a comma before it.
    init(configBytes: Int, layerBytes: [Int], more: String = "") {
        let blank = String(repeating: "0", count: 64)
        func descriptor(_ type: String, _ size: Int) -> String {
            #"{"mediaType":"\#(type)","digest":"sha256:\#(blank)","size":\#(size)}"#
        }
        let config = descriptor("application/vnd.oci.image.config.v1+json", configBytes)
        let layers = layerBytes.map { descriptor(Self.layerType, $0) }.joined(separator: ",")
        let text =
            #"{"schemaVersion":2,"mediaType":"\#(Self.type)","config":\#(config),"layers":[\#(layers)]\#(more)}"#
        let all = Array(text.utf8)
        let mark = Array(("sha256:" + blank).utf8)
        let found = all.indices.filter { all[$0...].starts(with: mark) }
        bytes = all
        places = found.prefix(1 + layerBytes.count).map { $0 + 7 }
    }

    var count: Int { bytes.count }
    var layerCount: Int { places.count - 1 }

    /// Writes the manifest of these blobs, the config first.
    func write(_ blobs: [Content], to target: UnsafeMutablePointer<UInt8>) {
        bytes.withUnsafeBufferPointer { if let base = $0.baseAddress { memcpy(target, base, $0.count) } }
        for index in places.indices { Digests.write(blobs[index], to: target + places[index]) }
    }

    func filled(_ blobs: [Content]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            guard let base = buffer.baseAddress else { return }
            write(blobs, to: base)
            filled = count
        }
    }
}
