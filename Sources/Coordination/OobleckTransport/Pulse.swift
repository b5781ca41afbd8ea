import OobleckClock
import OobleckCoordination
import OobleckCore
import Synchronization

/// The coordinator's signs of life to its agents and workers, sent beside its decisions: a write that
/// takes long must not look like its death.
///
/// Nobody is told that it lives when it may act no more, or when its decisions stand still for
/// another reason than storage.
final class Pulse: Sendable {
    private struct State {
        var streams: [SessionStream] = []
        var lastTick = MonotonicTime.now
        /// The write under way: since when, and what people are told when it takes long.
        var write: (since: Seconds, event: RunEvent)?
        /// Whether people were told of it.
        var isReported = false
    }

    private let budget: Seconds
    private let store: any CoordinationStore
    /// Tells people.
    private let report: @Sendable (RunEvent) -> Void
    private let state = Mutex(State())

    init(
        detectionBudget: Seconds,
        store: any CoordinationStore,
        report: @escaping @Sendable (RunEvent) -> Void
    ) {
        budget = detectionBudget
        self.store = store
        self.report = report
    }

    /// How long a write may take before people are told.
    private var patience: Seconds { max(2, budget) }

    /// Gives signs of life over these streams from now on.
    func follow(_ streams: [SessionStream]) { state.withLock { $0.streams = streams } }

    /// The coordinator looked at the clock.
    func noteTick() { state.withLock { $0.lastTick = MonotonicTime.now } }

    /// Something that must be kept is being written; `event` is for people, when that takes long.
    func beginWriting(_ event: RunEvent) {
        state.withLock { $0.write = (MonotonicTime.now, event) }
    }

    /// Returns how long it took if people were told.
    func endWriting() -> Seconds? {
        state.withLock { state in
            let now = MonotonicTime.now
            // No tick could come meanwhile.
            state.lastTick = now
            defer { (state.write, state.isReported) = (nil, false) }
            return state.isReported ? state.write.map { now - $0.since } : nil
        }
    }

    /// Beats until cancelled.
    func run() async throws {
        let interval = Duration(budget / 4)
        while true {
            try await Task.sleep(for: interval)
            beat()
        }
    }

    private func beat() {
        guard store.mayAct else { return }
        let now = MonotonicTime.now
        let (streams, slow) = state.withLock { state in
            let isAwake = state.write != nil || now - state.lastTick < budget
            var slow: RunEvent?
            if let write = state.write, !state.isReported, now - write.since > patience {
                state.isReported = true
                slow = write.event
            }
            return isAwake ? (state.streams, slow) : ([], slow)
        }
        if let slow { report(slow) }
        for stream in streams { stream.beat() }
    }
}
