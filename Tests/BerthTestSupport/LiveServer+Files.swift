package import BerthModel
import Foundation

extension LiveServer {
    /// Names of the files in a folder of the root.
    package func files(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(root)/\(folder)").sorted()
    }

    /// Where settled content lies.
    package func path(of digest: Digest) -> String {
        "\(root)/blobs/\(digest.algorithm.rawValue)/\(digest.hex.prefix(2))/\(digest.hex)"
    }

    /// Removes settled content behind the registry's back.
    package func removeContent(_ digest: Digest) throws {
        try FileManager.default.removeItem(atPath: path(of: digest))
    }
}
