import NIOCore

/// Runs tasks on an event loop. What a task resumes with arrives as one more job of the loop: no other thread has to be
/// woken, and all that one commit has answered goes on in one turn.
final class LoopExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func enqueue(_ job: UnownedJob) {
        eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
