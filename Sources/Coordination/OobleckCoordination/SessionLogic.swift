import OobleckCore

/// What happens to a session of an agent or a worker.
package enum SessionEvent<Instruction: Sendable, Local: Sendable>: Sendable {
    /// The stream is open: a hello can be sent.
    case opened
    case received(Instruction)
    /// The stream ended, or could not be opened.
    case closed(reason: String)
    /// The coordinator does not take us, and would not the next time either.
    case refused(OobleckError)
    /// Something happened on this node.
    case local(Local)
    /// ``SessionLogic/nextWake`` has come.
    case wake
}

/// What a session wants done, in order.
package enum SessionDirective<Report: Sendable, Action: Sendable>: Sendable {
    /// Find the coordinator and open a stream to it; what comes of any earlier one counts no more.
    case connect
    /// Drop the stream, or the attempt to open one.
    case disconnect
    /// Say hello over the stream just opened.
    case hello(SessionHello)
    /// Send over the open stream.
    case send(Report)
    /// Do something on this node.
    case act(Action)
    /// The session is over; no directive follows.
    case end(SessionEnding)
}

/// How a session ends.
package enum SessionEnding: Hashable, Sendable {
    /// The coordinator said so, for this reason: the run is over, or the node is drained.
    case inOrder(reason: String)
    case failed(OobleckError)
}

/// The decisions of one end of a session: a value that takes an event and the time.
package protocol SessionLogic: Sendable {
    associatedtype Instruction: Sendable
    associatedtype Report: Sendable
    associatedtype Local: Sendable
    associatedtype Action: Sendable

    mutating func handle(
        _ event: SessionEvent<Instruction, Local>,
        now: Seconds
    ) -> [SessionDirective<Report, Action>]

    /// When to send ``SessionEvent/wake`` at the latest.
    var nextWake: Seconds { get }
}
