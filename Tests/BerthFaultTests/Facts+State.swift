extension Facts.State {
    mutating func ask(_ changes: [(Facts.Key, String?)], _ kind: Facts.Kind) -> Facts.Wish {
        let wish = Facts.Wish(changes: changes.map { (key: $0, old: cells[$0]?.acknowledged, new: $1) })
        for (key, old, new) in wish.changes {
            if case .repository(let name) = key, old == nil, new != nil, kind.beginsLeases {
                // The first push to a name begins another repository, whose tags have no history yet.
                for key in histories.keys where key.repository == name { histories[key] = nil }
            }
            cells[key, default: .init()].possible.append(new)
        }
        for (key, old, new) in wish.changes where kind.isNoted && old != new {
            if case .tag = key { histories[key, default: History()].ask(new) }
        }
        return wish
    }

    mutating func note(_ wish: Facts.Wish, _ kind: Facts.Kind, _ sent: ContinuousClock.Instant) {
        for (key, old, new) in wish.changes {
            let leased = kind.beginsLeases ? sent : cells[key]?.leased
            cells[key] = .init(acknowledged: new, leased: new == nil && kind.beginsLeases ? nil : leased)
            if case .tag = key, kind.isNoted, old != new { histories[key]?.answer(isDone: true) }
        }
        acknowledgements += 1
    }

    /// It was refused.
    mutating func takeBack(_ wish: Facts.Wish, _ kind: Facts.Kind) {
        for (key, old, new) in wish.changes {
            cells[key]?.possible.removeLast()
            if case .tag = key, kind.isNoted, old != new { histories[key]?.answer(isDone: false) }
        }
    }

    /// What was found holds. What has been collected, or is gone for long, needs no more looking at.
    mutating func settle(
        _ seen: [Facts.Key: Facts.Cell], _ found: [Facts.Key: String], isCollected: Bool
    ) {
        unanswered = []
        for (key, cell) in seen {
            let absences = found[key] == nil ? cell.absences + 1 : 0
            cells[key] = .init(acknowledged: found[key], leased: cell.leased, absences: absences)
            guard isCollected, found[key] == nil else { continue }
            switch key {
            case .blob: cells[key] = nil
            case .manifest where absences > 2: (cells[key], parts[key]) = (nil, nil)
            case .manifest, .tag, .repository: break
            }
        }
    }
}
