import Synchronization

/// Which trials of an experiment are taken, and the outcomes of those that are done.
final class TrialBoard: Sendable {
    private struct State {
        var taken = 0
        var outcomes: [Int: [SimulationOutcome]] = [:]
    }

    private let trials: Int
    private let state = Mutex(State())

    init(trials: Int) { self.trials = trials }

    /// The outcomes by trial.
    var outcomes: [Int: [SimulationOutcome]] { state.withLock { $0.outcomes } }

    /// The next trial that nothing has taken; `nil` after the last one.
    func take() -> Int? {
        state.withLock { state in
            guard state.taken < trials else { return nil }
            defer { state.taken += 1 }
            return state.taken
        }
    }

    /// Adds a trial's outcomes and returns how many trials have theirs.
    @discardableResult
    func put(_ outcomes: [SimulationOutcome], of trial: Int) -> Int {
        state.withLock { state in
            state.outcomes[trial] = outcomes
            return state.outcomes.count
        }
    }
}
