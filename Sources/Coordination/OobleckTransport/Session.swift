import GRPCCore
import OobleckClock
import OobleckCoordination
import OobleckCore

/// One stream of an agent or a worker, both ways, until either side ends it.
struct Session<Instruction: Sendable>: Sendable {
    private let loop: CoordinatorLoop
    /// How much the peer may say.
    private let allowance: RateLimit.Allowance
    private let side: SessionSide
    private let outbox: Outbox<Instruction>
    private let stream: SessionStream

    /// `outbox` and `stream` are the same: what is sent to the peer.
    init(
        _ loop: CoordinatorLoop,
        _ allowance: RateLimit.Allowance,
        _ side: SessionSide,
        _ outbox: Outbox<Instruction>,
        _ stream: SessionStream
    ) {
        self.loop = loop
        self.allowance = allowance
        self.side = side
        self.outbox = outbox
        self.stream = stream
    }

    private var name: String {
        switch side {
        case .agent: "AgentReport"
        case .worker: "WorkerReport"
        }
    }

    /// Serves the stream.
    ///
    /// - Parameters:
    ///   - reports: What the peer says.
    ///   - read: What a report says, or throws what about it makes no sense.
    ///   - tell: What the coordinator is told.
    ///   - refused: What a peer is told that makes no sense from the start.
    ///   - write: Sends an instruction.
    ///
    /// - Throws: An error when the stream ends without an answer, so that the peer looks for its
    ///   coordinator again.
    func run<WireReport: Sendable, Report: Sendable>(
        _ reports: RPCAsyncSequence<WireReport, any Error>.AsyncIterator,
        read: @escaping @Sendable (WireReport) throws -> ReceivedReport<Report>,
        tell: @escaping @Sendable (SessionID, Report) -> CoordinatorInstance.Input,
        refused: @Sendable (String) -> Instruction,
        write: @escaping @Sendable (Instruction) async throws -> Void
    ) async throws {
        var reports = reports
        guard let first = try await reports.next() else { return }
        let hello: SessionHello
        do {
            guard case .hello(let said) = try read(first) else {
                throw malformed(name, "the first is no hello")
            }
            hello = said
        } catch let error as OobleckError {
            return try await write(refused(error.message))
        }
        // The peer's end of the stream is handed to the one task that reads it.
        let source = HandedOver(value: reports)
        let session = await loop.open(stream)
        defer { loop.close(session, stream) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                // The moment that the peer is gone.
                defer { loop.close(session, stream) }
                await loop.greet(session, side, hello)
                let node = await loop.node(of: session)
                try await listen(session, source.value) { received in
                    guard case .report(node, let report) = try read(received) else {
                        let sender = node.map { "node \($0)" } ?? "a node that was let in"
                        throw malformed(name, "is not of \(sender)")
                    }
                    return tell(session, report)
                }
            }
            group.addTask {
                for await element in outbox.elements {
                    try await write(element)
                    outbox.noteWritten()
                }
            }
            group.addTask {
                await outbox.waitUntilClosed()
                let linger = Deadlines(budget: loop.detectionBudget).linger
                try await Task.sleep(for: Duration(linger))
            }
            // Whichever ends first ends the session.
            try await group.next()
        }
        if let reason = outbox.dropReason {
            throw RPCError(code: .unavailable, message: reason.message)
        }
    }

    /// Tells the coordinator what the peer says, until it ends or says what it may not.
    private func listen<WireReport>(
        _ session: SessionID,
        _ source: RPCAsyncSequence<WireReport, any Error>.AsyncIterator,
        _ input: (WireReport) throws -> CoordinatorInstance.Input
    ) async throws {
        var reports = source
        var limit = RateLimit(allowance, now: MonotonicTime.now)
        while let report = try await reports.next() {
            guard limit.take(now: MonotonicTime.now) else {
                let what = "says more than \(Int(allowance.perSecond)) things a second"
                return await loop.take(.offence(session, what: what))
            }
            do {
                await loop.take(try input(report))
            } catch let error as OobleckError {
                return await loop.take(.offence(session, what: "sent a \(error.message)"))
            }
        }
    }
}

/// A value that one task gives to another and does not touch again.
private struct HandedOver<Value>: @unchecked Sendable {
    let value: Value
}
