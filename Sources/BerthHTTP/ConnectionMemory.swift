import Synchronization

/// What a handler wants to find again with the next request of the same connection. Gone with the connection, of which it
/// keeps the object alive no longer.
package final class ConnectionMemory: Sendable {
    private let kept = Mutex<(any AnyObject & Sendable)?>(nil)

    package init() {}

    package var object: (any AnyObject & Sendable)? {
        get { kept.withLock { $0 } }
        set { kept.withLock { $0 = newValue } }
    }
}
