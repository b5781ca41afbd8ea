import Dispatch
import Foundation
import OobleckClock
import OobleckCoordination
import OobleckCore
import OobleckWire
import SwiftProtobuf
import Synchronization

/// Keeps a coordinator's state in etcd, for as long as this process holds the run's lease.
///
/// The revision at which the leader's key was made is the fencing token: every write names it, and
/// etcd refuses the write when the key is another's by then. Writes have numbers: each names the one
/// before it, so that a write that is repeated counts once, and one that was given up and comes late
/// is refused. The lease's end is also watched by our
/// own clock, counted from before each renewal was asked for, so that a process that was stopped
/// knows that its time is over before it does anything.
package final class EtcdStore: CoordinationStore {
    private struct State {
        var lease: Int64
        var token: Int64
        /// Until when the lease surely lasts.
        var validUntil: Seconds
        var isDeposed = false
        var durable = DurableState()
        /// What of it stands in the key `state` itself.
        var inline = DurableState()
        /// Lines of the ledger in etcd.
        var lines = 0
        /// What the newest write left under `sequence`; `nil` before the first.
        var sequence: Data?
        var writes = 0

        /// False for good once the lease has run out.
        mutating func mayAct() -> Bool {
            if MonotonicTime.now >= validUntil { isDeposed = true }
            return !isDeposed
        }
    }

    package let location: EtcdLocation
    private let client: EtcdClient
    private let timeToLive: Int
    /// Tells this process's writes from any other's.
    private let identity = UUID().uuidString
    private let state: Mutex<State>
    /// Renews the lease; owned here, ends with ``close()`` or when the lease is lost.
    private let renewal = Mutex<Task<Void, Never>?>(nil)

    /// The leader whose key is of revision `token`, under a lease that lasts until `validUntil`.
    init(
        _ client: EtcdClient,
        timeToLive: Int,
        lease: Int64,
        token: Int64,
        validUntil: Seconds
    ) {
        location = client.location
        self.client = client
        self.timeToLive = timeToLive
        state = Mutex(State(lease: lease, token: token, validUntil: validUntil))
    }

    // MARK: CoordinationStore

    /// Final once it is false: a lease that ran out by our clock may be another's by now.
    package var mayAct: Bool { state.withLock { $0.mayAct() } }

    package func load() -> DurableState? {
        state.withLock { $0.durable.term > 0 ? $0.durable : nil }
    }

    package func persist(_ change: DurableChange) throws {
        let (before, lines) = state.withLock { ($0.durable, $0.lines) }
        var durable = before
        durable.apply(change)
        try write(try puts(change, durable, before: before, lines: lines))
        let kept = durable
        state.withLock { state in
            state.durable = kept
            switch change {
            case .committed, .restored, .computing(.some), .evaluated: state.lines += 1
            default: break
            }
        }
    }

    var inline: DurableState { state.withLock { $0.inline } }

    /// Says that the run is over, so that no standby takes it up again.
    package func conclude(_ summary: String) throws {
        try write([EtcdRequests.put(location.key(EtcdOutcome.key), Data(summary.utf8))])
    }

    /// How the run at `location` ended; `nil` while it has not.
    package static func outcome(_ location: EtcdLocation) async throws -> String? {
        let client = try EtcdClient(location)
        defer { client.close() }
        return try await client.outcome()?.text
    }

    /// Lets a run that was stopped go on, and one that is finished if `isFinishedToo`.
    package static func reopen(_ location: EtcdLocation, isFinishedToo: Bool) async throws {
        let client = try EtcdClient(location)
        defer { client.close() }
        let key = location.key(EtcdOutcome.key)
        guard let outcome = try await client.outcome() else { return }
        guard isFinishedToo || outcome.isStopped else { return }
        let request = EtcdTxnRequest.with { $0.success = [EtcdRequests.delete(key)] }
        _ = try await client.transaction(request)
    }

    /// Gives the lease back.
    package func close() throws {
        renewal.withLock { $0 }?.cancel()
        let lease = state.withLock { state in
            defer { state.isDeposed = true }
            return state.isDeposed ? nil : state.lease
        }
        if let lease { try wait { try await self.client.revokeLease(lease) } }
        client.close()
    }

    // MARK: The run's other things

    /// All lines of the ledger so far, fetched a `page` at a time.
    package func ledger(page: Int = 1000) throws -> [HistoryEntry] {
        try wait {
            try await self.client.readAll("ledger/", page: page).map {
                try EtcdCoding.value(HistoryEntry.self, from: $0.value)
            }
        }
    }

    package func put(_ document: Document) throws {
        try write(try large("run", 0, try EtcdCoding.data(of: document)))
    }

    /// What the run at `location` is; `nil` when there is none.
    package static func document(_ location: EtcdLocation) async throws -> Document? {
        let client = try EtcdClient(location)
        defer { client.close() }
        return try await readLarge("run", client).map {
            try EtcdCoding.value(Document.self, from: $0)
        }
    }

    // MARK: Writes

    /// Writes, if this process still leads and nobody else has written.
    ///
    /// Safe to repeat after an error. Throws `.storage` within some seconds when etcd does not answer
    /// or takes nothing, and ``OobleckError/deposed`` when another leads.
    func write(_ operations: [EtcdRequestOp]) throws {
        // Of an attempt that failed nobody knows whether it went through (etcd applies the one that
        // takes its last space); the next one then follows that.
        for _ in 0..<2 where try attempt(operations) { return }
        throw OobleckError(
            .internalFault,
            "another process has written to \(location) while this one leads; give each run a /RUN "
                + "of its own"
        )
    }

    /// False when the newest write is not the one that we know.
    private func attempt(_ operations: [EtcdRequestOp]) throws -> Bool {
        guard mayAct else { throw depose() }
        let (token, before, number) = state.withLock { state in
            state.writes += 1
            return (state.token, state.sequence, state.writes)
        }
        let (leader, sequence) = (location.key("leader"), location.key("sequence"))
        let after = Data("\(token)/\(identity)/\(number)".utf8)
        let request = EtcdTxnRequest.with {
            $0.compare = [
                EtcdRequests.created(leader, at: token), EtcdRequests.holds(sequence, before),
            ]
            $0.success = operations + [EtcdRequests.put(sequence, after)]
            $0.failure = [EtcdRequests.get(leader), EtcdRequests.get(sequence)]
        }
        let answer = try wait { try await self.client.transaction(request) }
        guard !answer.succeeded else {
            state.withLock { $0.sequence = after }
            return true
        }
        let found = answer.responses.map(\.responseRange.kvs.first)
        guard found.count == 2, found[0]?.createRevision == token else { throw depose() }
        let newest = found[1]?.value
        let isOurs = newest?.starts(with: Data("\(token)/\(identity)/".utf8)) == true
        if isOurs { state.withLock { $0.sequence = newest } }
        return newest == after
    }

    private func depose() -> OobleckError {
        state.withLock { $0.isDeposed = true }
        return .deposed
    }

    // MARK: The lease

    /// Renews the lease no more, as if this process was stopped; for tests.
    package func pauseRenewal() { renewal.withLock { $0 }?.cancel() }

    func startRenewal() {
        let pause = Duration.milliseconds(1000 * timeToLive / 4)
        let task = Task { [weak self] in
            while !Task.isCancelled {
                do { try await Task.sleep(for: pause) } catch { return }
                guard let self, await self.renew() else { return }
            }
        }
        renewal.withLock { $0 = task }
    }

    /// False when the lease is lost for good.
    private func renew() async -> Bool {
        let asked = MonotonicTime.now
        let (lease, isDeposed) = state.withLock { ($0.lease, $0.isDeposed) }
        guard !isDeposed else { return false }
        do {
            let seconds = try await client.keepAlive(lease)
            return state.withLock { state in
                // It may have run out before the answer came.
                guard seconds > 0, state.mayAct() else {
                    state.isDeposed = true
                    return false
                }
                state.validUntil = asked + Seconds(Double(seconds))
                return true
            }
        } catch {
            // Tried again at the next turn; what counts is the end of the lease.
            return true
        }
    }

    /// Takes over what the last leader kept.
    func reload() async throws {
        let (durable, inline) = try await Self.read(client)
        // The count is of all, whatever is sent.
        let lines = EtcdRequests.all(under: location.key("ledger/"), limit: 1)
        let counted = try await client.range(lines)
        let sequence = try await client.read("sequence")
        state.withLock { state in
            state.durable = durable
            state.inline = inline
            state.inline.committed = nil
            state.lines = Int(counted.count)
            state.sequence = sequence
        }
    }

    /// Runs an asynchronous call from the coordinator's own thread, which is none of the pool's.
    private func wait<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) throws -> Result {
        let done = DispatchSemaphore(value: 0)
        let result = Mutex<Swift.Result<Result, any Error>?>(nil)
        Task {
            let outcome: Swift.Result<Result, any Error>
            do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
            result.withLock { $0 = outcome }
            done.signal()
        }
        // The calls have deadlines of their own.
        done.wait()
        guard let outcome = result.withLock({ $0 }) else {
            preconditionFailure("a call to etcd ended without a result")
        }
        return try outcome.get()
    }
}
