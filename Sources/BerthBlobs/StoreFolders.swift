import BerthModel

/// The folders of a file store, all open: everything is found below them.
struct StoreFolders: Sendable {
    let root: Folder
    let blobs: Folder
    let algorithms: [Digest.Algorithm: Folder]
    let uploads: Folder

    /// Opens them, makes those that are not there, and removes what an earlier process left half done.
    init(path: String, files: any FileOperations, syncs: Bool) throws(SystemError) {
        root = Folder(try files.openRoot(path), files: files)
        blobs = try root.folderOrNew("blobs")
        uploads = try root.folderOrNew("uploads")
        var algorithms: [Digest.Algorithm: Folder] = [:]
        for algorithm in Digest.Algorithm.allCases { algorithms[algorithm] = try blobs.folderOrNew(algorithm.rawValue) }
        self.algorithms = algorithms
        if syncs {  // whoever made them may not have got this far
            try files.sync(blobs.descriptor)
            try files.sync(root.descriptor)
        }
        for name in try files.names(in: uploads.descriptor) where name.hasSuffix(TemporaryName.suffix) {
            try files.unlink(name, in: uploads.descriptor)
        }
    }
}
