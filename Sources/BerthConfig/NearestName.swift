/// The name among `names` that somebody who wrote `name` most likely meant; `nil` where none is near.
///
/// Near is a few slips of the finger, or the right last word in the wrong section.
func nearestName(to name: String, among names: [String]) -> String? {
    let ranked = names.map { (name: $0, distance: editDistance(name, $0)) }.min { $0.distance < $1.distance }
    if let ranked, ranked.distance <= max(2, min(4, name.utf8.count / 5)) { return ranked.name }
    let word = name.split(separator: ".").last.map(String.init) ?? name
    let sameWord = names.filter { $0.hasSuffix(".\(word)") }
    return sameWord.count == 1 ? sameWord.first : nil
}

/// How many letters to insert, drop, change or swap with their neighbour make `a` into `b` (optimal string alignment).
func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.utf8.prefix(200)), Array(b.utf8))
    var beforeLast = [Int]()
    var last = Array(0...b.count)
    for i in a.indices {
        var row = [i + 1]
        for j in b.indices {
            var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
            row.append(cost)
        }
        (beforeLast, last) = (last, row)
    }
    return last[b.count]
}
