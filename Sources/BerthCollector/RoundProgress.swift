/// How far a round is that is under way.
package struct RoundProgress: Hashable, Sendable {
    /// The steps of a round, in words for people.
    package enum Step: String, Hashable, Sendable {
        case finishing = "finishing deletions and restorations"
        case repositories = "purging deleted repositories"
        case manifests = "purging deleted manifests"
        case links = "purging deleted links"
        case fading = "marking what nothing keeps"
        case unlinking = "letting go of what was marked"
        case strays = "letting go of files that no row names"
        case sweeping = "sweeping what nothing holds"
        case removing = "removing files"
        case comparing = "comparing files with the catalog"
    }

    package var step: Step
    /// What it has done so far.
    package var report = RoundReport()
}
