package import BerthCatalog

/// Why a change to accounts, grants or keys is refused.
package enum AccessError: Error, Hashable {
    /// What was asked for cannot be; the text says why, for a person, without a full stop.
    case invalid(String)
    /// There is no such thing; the text names it.
    case unknown(String)
    /// It is there already and differs from what was asked for.
    case conflict(String)
    /// It is set to be refused; the text says by what, and how to change that.
    case denied(String)
    /// As many as may be at once are being worked on.
    case busy
    case failed(CatalogError)

    /// For a person, without a full stop.
    package var message: String {
        switch self {
        case .invalid(let text), .conflict(let text), .denied(let text): text
        case .unknown(let what): "there is no \(what)"
        case .busy: "too much at once; try again shortly"
        case .failed: "the registry's catalog cannot do this right now"
        }
    }
}
