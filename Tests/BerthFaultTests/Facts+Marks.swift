import Synchronization

/// What a snapshot holds, and what holds after going back to it.
extension Facts {
    /// What a snapshot may hold that begins now: these facts as they are, and until `endMarks` whatever is asked for as
    /// well.
    func beginMark() -> Facts {
        state.withLock { state in
            let mark = Facts(collecting)
            mark.state.withLock { $0.cells = state.cells }
            state.marks.append(mark)
            return mark
        }
    }

    /// The snapshots are whole.
    func endMarks() { state.withLock { $0.marks = [] } }

    func mayBecome(_ changes: [(Key, String?)]) {
        state.withLock { state in
            for (key, value) in changes { state.cells[key, default: Cell()].possible.append(value) }
        }
    }

    /// The server has gone back to where it was at `mark`: what was new since is not there.
    func goBack(to mark: Facts) {
        let then = mark.state.withLock(\.cells)
        state.withLock { state in
            let new = state.cells.keys.filter { then[$0] == nil }
            state.cells = then.merging(new.map { ($0, Cell()) }) { known, _ in known }
            (state.uploads, state.unanswered, state.histories) = ([:], [], [:])
        }
    }

    /// What is not there is not looked for any more.
    func forgetAbsent() {
        state.withLock { state in
            state.cells = state.cells.filter { $0.value.acknowledged != nil || !$0.value.possible.isEmpty }
        }
    }

    /// What somebody may find in a repository.
    func keys(in repository: String) -> [Key] {
        state.withLock { state in
            state.cells.filter { key, cell in
                key.repository == repository && (cell.acknowledged != nil || !cell.possible.isEmpty)
            }.map(\.key)
        }
    }

    /// Manifests that are acknowledged and undisputed, in the order of their digests.
    func manifests(in repository: String) -> [String] {
        keys(in: repository).compactMap { key in
            guard case .manifest(_, let digest) = key, acknowledged(key) != nil else { return nil }
            return digest
        }.sorted()
    }

    var count: Int { state.withLock(\.cells.count) }
}
