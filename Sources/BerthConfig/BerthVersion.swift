/// The version of this build, as `berth version`, the banner and the metrics tell it.
package enum BerthVersion {
    package static let current = "0.1.0"
}
