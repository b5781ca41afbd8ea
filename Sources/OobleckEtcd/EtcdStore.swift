import Dispatch
import Foundation
import OobleckClock
import OobleckCoordination
import OobleckCore
import OobleckWire
import Synchronization

/// Keeps a coordinator's state in etcd, for as long as this process holds the run's lease.
///
/// The revision at which the leader's key was made is the fencing token: every write names it, and
/// etcd refuses the write when the key is another's by then. The lease's end is also watched by our
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
        /// Lines of the ledger in etcd.
        var lines = 0
    }

    /// One line of the ledger.
    package enum Line: Hashable, Sendable, Codable {
        case step(CommittedStep)
        case restored(RestoredRun)
    }

    package let location: EtcdLocation
    private let client: EtcdClient
    private let timeToLive: Int
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

    package var mayAct: Bool {
        state.withLock { !$0.isDeposed && MonotonicTime.now < $0.validUntil }
    }

    package func load() -> DurableState? {
        state.withLock { $0.durable.term > 0 ? $0.durable : nil }
    }

    package func persist(_ change: DurableChange) throws {
        let (durable, lines) = state.withLock { state in
            state.durable.apply(change)
            return (state.durable, state.lines)
        }
        var puts: [EtcdRequestOp] = []
        switch change {
        case .committed(let step):
            puts.append(EtcdRequests.put(location.key("committed"), try EtcdCoding.data(of: step)))
            puts.append(try line(.step(step), lines))
        case .restored(let restored, _):
            puts.append(EtcdRequests.delete(location.key("committed")))
            puts.append(try line(.restored(restored), lines))
            puts.append(try whole(durable))
        default: puts.append(try whole(durable))
        }
        try write(puts)
        if case .committed = change { state.withLock { $0.lines += 1 } }
        if case .restored = change { state.withLock { $0.lines += 1 } }
    }

    /// Says that the run is over, so that no standby takes it up again.
    package func conclude(_ summary: String) throws {
        try write([EtcdRequests.put(location.key("outcome"), Data(summary.utf8))])
    }

    /// Lets a run that was stopped go on, and one that is finished if `isFinishedToo`.
    package static func reopen(_ location: EtcdLocation, isFinishedToo: Bool) async throws {
        let client = try EtcdClient(location)
        defer { client.close() }
        let key = location.key("outcome")
        guard let outcome = try await client.read("outcome") else { return }
        let text = String(decoding: outcome, as: UTF8.self)
        guard isFinishedToo || text.hasPrefix("stopped") else { return }
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

    /// All lines of the ledger so far, fetched a `page` at a time: an answer may not be of any size.
    package func ledger(page: Int = 1000) throws -> [Line] {
        try wait {
            let prefix = self.location.key("ledger/")
            var lines: [Line] = []
            var request = EtcdRequests.all(under: prefix, limit: Int64(page))
            while true {
                let answer = try await self.client.range(request)
                lines += try answer.kvs.map { try EtcdCoding.value(Line.self, from: $0.value) }
                guard answer.more, let last = answer.kvs.last else { return lines }
                // The first key behind this one.
                request.key = last.key + [0]
            }
        }
    }

    package func put(_ document: Document) throws {
        try write([EtcdRequests.put(location.key("run"), try EtcdCoding.data(of: document))])
    }

    /// What the run at `location` is; `nil` when there is none.
    package static func document(_ location: EtcdLocation) async throws -> Document? {
        let client = try EtcdClient(location)
        defer { client.close() }
        return try await client.read("run").map { try EtcdCoding.value(Document.self, from: $0) }
    }

    // MARK: Writes

    private func line(_ line: Line, _ number: Int) throws -> EtcdRequestOp {
        let digits = String(number)
        let name = "ledger/" + String(repeating: "0", count: max(0, 12 - digits.count)) + digits
        return EtcdRequests.put(location.key(name), try EtcdCoding.data(of: line))
    }

    private func whole(_ durable: DurableState) throws -> EtcdRequestOp {
        EtcdRequests.put(location.key("state"), try EtcdCoding.data(of: durable))
    }

    /// Writes, if this process still leads.
    private func write(_ operations: [EtcdRequestOp]) throws {
        guard mayAct else { throw depose() }
        let token = state.withLock { $0.token }
        let request = EtcdTxnRequest.with {
            $0.compare = [
                EtcdCompare.with {
                    $0.result = .equal
                    $0.target = .create
                    $0.key = location.key("leader")
                    $0.createRevision = token
                }
            ]
            $0.success = operations
        }
        let answer = try wait { try await self.whileLeading { try await $0.transaction(request) } }
        guard answer.succeeded else { throw depose() }
    }

    /// Calls as often as it takes, as long as the lease lasts: a cluster that elects a leader of
    /// its own answers nobody for a while.
    private func whileLeading<Result: Sendable>(
        _ call: @Sendable (EtcdClient) async throws -> Result
    ) async throws -> Result {
        while true {
            do {
                return try await call(client)
            } catch let error as OobleckError where error.code == .storage {
                guard mayAct else { throw error }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
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
                guard seconds > 0 else {
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
        var durable = DurableState()
        if let data = try await client.read("state") {
            durable = try EtcdCoding.value(DurableState.self, from: data)
        }
        durable.committed = try await client.read("committed").map {
            try EtcdCoding.value(CommittedStep.self, from: $0)
        }
        // The count is of all, whatever is sent.
        let lines = EtcdRequests.all(under: location.key("ledger/"), limit: 1)
        let counted = try await client.range(lines)
        state.withLock { state in
            state.durable = durable
            state.lines = Int(counted.count)
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
