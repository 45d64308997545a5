import Foundation

/// Runs what blocks on a thread of its own, so that no thread of the tasks' pool waits for a disk.
func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws(CatalogError) -> Value
) async throws(CatalogError) -> Value {
    let result: Result<Value, CatalogError> = await withCheckedContinuation { continuation in
        Thread.detachNewThread {
            continuation.resume(returning: Result { () throws(CatalogError) in try body() })
        }
    }
    return try result.get()
}

/// Gives the calling thread, one of Foundation's, a name of at most 15 bytes, for `top -H` and debuggers. One that is given
/// before the start is forgotten by it.
func nameThread(_ name: String) { Thread.current.name = name }
