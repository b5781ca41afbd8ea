import OobleckCore
import Synchronization

/// What happens to a run on an ``EngineBench``, and when: at the boundary of a step and once something
/// is recorded, never after a time.
final class BenchScript: Sendable {
    private enum Phase {
        case before
        /// The boundary is reached; `until` does not hold yet.
        case waiting
        /// These nodes were started and are not ready.
        case joining(Set<NodeID>)
        /// Newcomers are ready; after so many ticks the coordinator waits for no further ones.
        case settling(ticks: Int)
        case done
    }

    private struct State {
        var phase = Phase.before
        var kept: [@Sendable () -> Void] = []
    }

    private static let settlingTicks = 3

    private let boundary: Int?
    private let condition: @Sendable (EngineBench.Records) -> Bool
    private let newcomers: [NodeID]
    private let act: @Sendable (EngineBench) throws -> Void
    private let state = Mutex(State())

    /// After `steps` committed steps the next one is not decided on until `condition` holds, `act` is
    /// done, and the coordinator has counted in the `newcomers`, which are started then.
    init(
        after steps: Int? = nil,
        until condition: @escaping @Sendable (EngineBench.Records) -> Bool = { _ in true },
        newcomers: [NodeID] = [],
        act: @escaping @Sendable (EngineBench) throws -> Void = { _ in }
    ) {
        boundary = steps
        self.condition = condition
        self.newcomers = newcomers
        self.act = act
    }

    /// A step is committed.
    func committed(_ step: CommittedStep, _ bench: EngineBench) throws {
        let isNow = state.withLock { state in
            guard case .before = state.phase, step.step + 1 == boundary else { return false }
            state.phase = .waiting
            return true
        }
        if isNow { try proceed(bench) }
    }

    /// Acts once the condition holds.
    private func proceed(_ bench: EngineBench) throws {
        let records = bench.records
        let isNow = state.withLock { state in
            guard case .waiting = state.phase, condition(records) else { return false }
            state.phase = newcomers.isEmpty ? .done : .joining(Set(newcomers))
            return true
        }
        guard isNow else { return }
        try act(bench)
        for node in newcomers { try bench.join(node) }
        release()
    }

    /// Whether a message has to wait.
    func holds(_ message: WorkerMessage, of node: NodeID) -> Bool {
        state.withLock { state in
            if case .ready = message, case .joining(var nodes) = state.phase {
                nodes.remove(node)
                state.phase =
                    nodes.isEmpty ? .settling(ticks: Self.settlingTicks) : .joining(nodes)
            }
            guard case .vote(let vote) = message, vote.step == boundary else { return false }
            if case .done = state.phase { return false }
            return true
        }
    }

    /// Keeps a message that has to wait.
    func keep(_ send: @escaping @Sendable () -> Void) { state.withLock { $0.kept.append(send) } }

    /// Time has passed.
    func ticked(_ bench: EngineBench) throws {
        state.withLock { state in
            guard case .settling(let ticks) = state.phase else { return }
            state.phase = ticks > 1 ? .settling(ticks: ticks - 1) : .done
        }
        try proceed(bench)
        release()
    }

    private func release() {
        let due = state.withLock { state -> [@Sendable () -> Void] in
            guard case .done = state.phase else { return [] }
            defer { state.kept = [] }
            return state.kept
        }
        for send in due { send() }
    }
}
