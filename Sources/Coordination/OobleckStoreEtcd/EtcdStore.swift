import Dispatch
import Foundation
import OobleckClock
import OobleckCoordination
import OobleckCore
import Synchronization

/// Keeps a coordinator's state in etcd, for as long as this process holds the run's lease.
///
/// The shell of ``FencedLead`` and ``SharedState``: it keeps the clock, the connections and the renewal.
package final class EtcdStore: CoordinationStore {
    private struct State {
        var lead: FencedLead
        var kept = SharedState()
    }

    package let location: EtcdLocation
    private let client: EtcdClient
    private let timeToLive: Int
    private let state: Mutex<State>
    /// Renews the lease; owned here, ends with ``close()`` or when the lease is lost.
    private let renewal = Mutex<Task<Void, Never>?>(nil)

    /// The store of a leader.
    init(_ client: EtcdClient, _ lead: FencedLead, timeToLive: Int) {
        location = client.location
        self.client = client
        self.timeToLive = timeToLive
        state = Mutex(State(lead: lead))
    }

    // MARK: CoordinationStore

    package var mayAct: Bool { state.withLock { $0.lead.mayAct(now: MonotonicTime.now) } }

    package func load() -> DurableState? {
        state.withLock { $0.kept.durable.term > 0 ? $0.kept.durable : nil }
    }

    package func persist(_ change: DurableChange) throws {
        let kept = state.withLock { $0.kept }
        for operations in try kept.writes(keeping: change) { try write(operations) }
        state.withLock { $0.kept.kept(change) }
    }

    /// Says that the run is over, so that no standby takes it up again.
    package func conclude(_ summary: String) throws {
        try write([.put(FencedLead.outcomeName, Data(summary.utf8))])
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
        guard let outcome = try await client.outcome() else { return }
        guard isFinishedToo || outcome.isStopped else { return }
        let reopening = KeyValueTransaction(operations: [.delete(FencedLead.outcomeName)])
        _ = try await client.transaction(reopening)
    }

    /// Gives the lease back.
    package func close() throws {
        renewal.withLock { $0 }?.cancel()
        let lease = state.withLock { state in
            defer { state.lead.depose() }
            return state.lead.isDeposed ? nil : state.lead.lease
        }
        if let lease { try wait { try await self.client.revokeLease(lease) } }
        client.close()
    }

    // MARK: The run's other things

    /// All lines of the ledger so far, fetched a `page` at a time.
    package func ledger(page: Int = 1000) throws -> [HistoryEntry] {
        try wait {
            try await self.client.readAll(SharedState.ledgerPrefix, page: page).map {
                try SharedCoding.value(HistoryEntry.self, from: $0.value)
            }
        }
    }

    package func put(_ document: Document) throws {
        let value = try LargeValue("run", version: 0, try SharedCoding.data(of: document))
        for operations in value.before + [value.naming] { try write(operations) }
    }

    /// What the run at `location` is; `nil` when there is none.
    package static func document(_ location: EtcdLocation) async throws -> Document? {
        let client = try EtcdClient(location)
        defer { client.close() }
        let entries = try await client.readAll("run")
        let values = Dictionary(entries.map { ($0.name, $0.value) }) { $1 }
        return try LargeValue.value("run", in: values).map {
            try SharedCoding.value(Document.self, from: $0)
        }
    }

    // MARK: Writes

    /// Writes, if this process still leads and no other has written.
    ///
    /// Safe to repeat after an error. Throws `.storage` within some seconds when etcd does not answer
    /// or takes nothing, and ``OobleckError/deposed`` when another leads.
    private func write(_ operations: [KeyValueTransaction.Operation]) throws {
        var write = state.withLock { $0.lead.write(operations, now: MonotonicTime.now) }
        while let attempt = write {
            let answer = try wait { try await self.client.transaction(attempt.transaction) }
            let verdict = state.withLock {
                $0.lead.answered(attempt, answer, now: MonotonicTime.now)
            }
            switch verdict {
            case .done: return
            case .repeated(let next): write = next
            case .deposed: write = nil
            case .foreign: throw OobleckError.foreignWriter("\(location)")
            }
        }
        throw OobleckError.deposed
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
        let (lease, isDeposed) = state.withLock { ($0.lead.lease, $0.lead.isDeposed) }
        guard !isDeposed else { return false }
        do {
            let seconds = try await client.keepAlive(lease)
            return state.withLock {
                $0.lead.renewed(seconds, asked: asked, now: MonotonicTime.now)
            }
        } catch {
            // Tried again at the next turn; what counts is the end of the lease.
            return true
        }
    }

    /// Takes over what the last leader kept.
    func reload() async throws {
        var entries: [KeyValue] = []
        for prefix in SharedState.prefixes { entries += try await client.readAll(prefix) }
        let lines = try await client.count(SharedState.ledgerPrefix)
        let sequence = try await client.read(FencedLead.sequenceName)
        let kept = try SharedState(entries: entries, lines: lines)
        state.withLock { state in
            state.kept = kept
            state.lead.follow(sequence)
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
