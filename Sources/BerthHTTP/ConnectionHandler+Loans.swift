import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// Input in the hands of whoever reads the body (H12).
extension ConnectionHandler {
    /// Offers the input to the body's reader, who has more than enough for now; called when nothing is being read.
    func offerLoan() {
        guard loan == nil, phase == .exchange, bodyIsPaused, !inputClosed, input.readableBytes == 0,
            let exchange, exchange.answer == nil, !exchange.bodyEnded, let source = exchange.source, source.wantsLoan,
            loop.lent < LoopContext.mostLent, let context, let descriptor = ownDescriptor(of: context)
        else { return }
        let number = number
        let eventLoop = context.eventLoop
        let connection = NIOLoopBound(self, eventLoop: eventLoop)
        let loan = InputLoan(descriptor: descriptor, parser: parser) {
            eventLoop.execute { connection.value.loanIsOver(number) }
        }
        guard source.offer(loan) else { return }
        self.loan = loan
        loop.lent += 1
    }

    private func ownDescriptor(of context: ChannelHandlerContext) -> CInt? {
        let copy = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable {
            (socket: NIOBSDSocket.Handle) in
            fcntl(socket, F_DUPFD_CLOEXEC, 0)
        }
        return copy.flatMap { $0 >= 0 ? $0 : nil }
    }

    private func loanIsOver(_ number: UInt64) {
        guard exchange?.number == number, loan?.isOver == true else { return }
        turn { endLoan() }
    }

    /// Takes the input back, with what was read of the body.
    func endLoan() {
        guard let loan else { return }
        self.loan = nil
        loop.lent -= 1
        let rest = loan.takeBack()
        parser = rest.parser
        exchange?.bytesIn += rest.received
        var behind = input
        input = rest.input
        input.writeBuffer(&behind)
        exchange?.source?.loanEnded()
        bodyIsPaused = false
        switch rest.end {
        case nil: if exchange?.bodyEnded == false { pace?.run(.now()) }
        case .body: bodyDidEnd()
        case .problem(let problem): framingBroke(problem)
        }
    }
}
