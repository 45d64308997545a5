/// An open folder that closes when its last owner lets go.
final class Folder: Sendable {
    let descriptor: CInt
    private let files: any FileOperations

    init(_ descriptor: CInt, files: any FileOperations) {
        (self.descriptor, self.files) = (descriptor, files)
    }

    deinit { files.close(descriptor) }

    /// The folder `name` below this one; never through a symbolic link.
    func folder(_ name: String) throws(SystemError) -> Folder {
        Folder(try files.open(name, in: descriptor, .folder), files: files)
    }

    /// The same, made if it is not there.
    func folderOrNew(_ name: String) throws(SystemError) -> Folder {
        do {
            return try folder(name)
        } catch  where error.errno == .notThere {
            do {
                try files.makeFolder(name, in: descriptor)
            } catch  where error.errno == .alreadyThere {
                // somebody else has just made it
            }
            return try folder(name)
        }
    }
}
