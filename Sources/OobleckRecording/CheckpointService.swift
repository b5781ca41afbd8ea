import Dispatch
import OobleckCore
import OobleckData
import OobleckRun

/// Does what the coordinator asks of a run's checkpoint store, in order, on a queue of its own: a
/// slow disk holds up neither training nor the control plane.
final class CheckpointService: Sendable {
    private let store: CheckpointStore
    private let keep: Int
    /// Brings the ledger to the device: who goes back to a checkpoint finds its steps there.
    private let synchronizeLedger: @Sendable () throws -> Void
    private let queue = DispatchQueue(label: "oobleck.checkpoints", qos: .utility)

    init(
        _ store: CheckpointStore,
        keep: Int,
        synchronizeLedger: @escaping @Sendable () throws -> Void
    ) {
        self.store = store
        self.keep = keep
        self.synchronizeLedger = synchronizeLedger
    }

    /// Returns at once; `report` is called from the queue.
    func perform(
        _ action: CheckpointAction,
        report: @escaping @Sendable (CheckpointOutcome) -> Void
    ) {
        queue.async { self.work(action, report) }
    }

    private func work(_ action: CheckpointAction, _ report: (CheckpointOutcome) -> Void) {
        switch action {
        case .publish(let save): publish(save, report)
        case .discard(let generation, let step):
            attempt("discard the checkpoint of step \(step)", report) {
                try store.discard(step: step, generation: generation)
            }
        case .find(let limit, let corpusDigest, let excluded):
            let (point, passedOver) = store.newest(
                atMost: limit,
                corpusDigest: corpusDigest,
                excluding: excluded
            )
            report(.found(point, passedOver: passedOver))
        }
    }

    private func publish(
        _ save: CheckpointPublication,
        _ report: (CheckpointOutcome) -> Void
    ) {
        let (generation, step) = (save.generation, save.step)
        do {
            try synchronizeLedger()
            try store.publish(save)
        } catch {
            attempt("discard the checkpoint of step \(step)", report) {
                try store.discard(step: step, generation: generation)
            }
            let message = oneLine(error)
            return report(.failed(generation: generation, step: step, message: message))
        }
        report(.published(generation: generation, step: step))
        attempt("remove older checkpoints", report) {
            try store.prune(keep: keep, generation: generation)
        }
    }

    /// What fails here does no harm to the run.
    private func attempt(
        _ what: String,
        _ report: (CheckpointOutcome) -> Void,
        _ body: () throws -> Void
    ) {
        do {
            try body()
        } catch {
            report(.warned("cannot \(what): \(oneLine(error))"))
        }
    }

    /// Returns once everything asked for is done.
    func finish() { queue.sync {} }
}
