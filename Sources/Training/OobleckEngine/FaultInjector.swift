import OobleckCore

/// Stages failures at named points of the code (`oobleck train --fault`), for tests and
/// demonstrations.
///
/// Without staged failures it does nothing.
final class FaultInjector {
    /// Ends the worker, or its node.
    private let end: @Sendable (WorkerEnding) -> Void
    /// Points of a reconfiguration, of a save and of a return to one.
    private static let rarePoints: Set<FailurePoint> = [
        .midRebuild, .midTransfer, .beforePrepared, .midCheckpoint, .midRestore,
    ]

    private var pending: [PlannedFault]
    private let numbers: [NumberFault]
    private let slowness: [SlownessFault]
    private var flips: [BitFlipFault]
    private var shortages: [MemoryFault]
    private let miscomputations: [MiscomputationFault]

    /// The failures that `job` stages for `worker`; `end` performs a death.
    init(
        job: JobSpecification,
        worker: WorkerID,
        end: @escaping @Sendable (WorkerEnding) -> Void
    ) {
        self.end = end
        let node = worker.node
        pending = job.faults.filter { $0.node == node && ($0.device ?? 0) == worker.device }
        numbers = job.stagedFaults.numbers
        slowness = job.stagedFaults.slowness.filter { $0.node == node }
        flips = job.stagedFaults.flips.filter { $0.node == node }
        shortages = job.stagedFaults.shortages.filter { $0.node == node }
        miscomputations = (job.stagedFaults.miscomputations ?? []).filter { $0.node == node }
    }

    /// Dies here if a failure is staged for this point and step.
    ///
    /// Points that are not in every step take the first one at or after the staged step.
    func reach(_ point: FailurePoint, step: Int) {
        guard !pending.isEmpty else { return }
        let isRare = Self.rarePoints.contains(point)
        let index = pending.firstIndex { fault in
            fault.point == point && (isRare ? fault.step <= step : fault.step == step)
        }
        guard let index else { return }
        let fault = pending.remove(at: index)
        end(.staged(fault.target))
    }

    /// Whether a number of this layer's work on this microbatch is to be not finite.
    ///
    /// Independent of the worker, and each time that the work is done.
    func spoils(_ pass: NumberFault.Pass, layer: Int, microbatch: Int, step: Int) -> Bool {
        guard !numbers.isEmpty else { return false }
        return numbers.contains(
            NumberFault(step: step, microbatch: microbatch, layer: layer, pass: pass)
        )
    }

    /// How many times longer work takes in this step.
    func slowness(step: Int) -> Double {
        slowness.first { ($0.step..<$0.endStep).contains(step) }?.factor ?? 1
    }

    /// Whether what is computed in this step is to be wrong.
    func miscomputes(step: Int) -> Bool { miscomputations.contains { $0.step <= step } }

    /// Whether more memory is to be asked for now than there is.
    func takesTooMuch(step: Int) -> Bool { shortages.contains { $0.step == step } }

    /// Layers of which a bit is to change now; each once.
    func takeFlips(_ moment: BitFlipFault.Moment, step: Int) -> [Int] {
        guard !flips.isEmpty else { return [] }
        let due = flips.filter { $0.step == step && $0.moment == moment }
        flips.removeAll { $0.step == step && $0.moment == moment }
        return due.map(\.layer)
    }
}
