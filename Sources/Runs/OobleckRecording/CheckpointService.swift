import Dispatch
import OobleckCore
import OobleckData
import OobleckRunFiles
import Synchronization

/// Does what the coordinator asks of a run's checkpoint store, in order, on a queue of its own: a
/// slow disk holds up neither training nor the control plane.
final class CheckpointService: Sendable {
    private let store: CheckpointStore
    private let keep: Int
    /// Brings the ledger to the device: who goes back to a checkpoint finds its steps there.
    private let synchronizeLedger: @Sendable () throws -> Void
    private let queue = DispatchQueue(label: "oobleck.checkpoints", qos: .utility)
    private let isMakingRoom = Mutex(false)
    /// Whether a checkpoint was found for nodes to load, and none was published since.
    private let mayBeRestoring = Mutex(false)

    init(
        _ store: CheckpointStore,
        keep: Int,
        synchronizeLedger: @escaping @Sendable () throws -> Void
    ) {
        self.store = store
        self.keep = keep
        self.synchronizeLedger = synchronizeLedger
    }

    /// The folder with the checkpoints.
    var path: String { store.path }

    /// Returns at once; `report` is called from the queue.
    func perform(
        _ action: CheckpointAction,
        report: @escaping @Sendable (CheckpointOutcome) -> Void
    ) {
        queue.async { self.work(action, report) }
    }

    /// Gives back what the run can do without while the disk is full: older checkpoints than the
    /// newest, and also that one where the final state fits in its place and not beside it.
    ///
    /// `missing` is how many bytes of the final state are still to be written, once it is. Returns at
    /// once.
    func makeRoom(missing: @escaping @Sendable () throws -> Int?) {
        let isFirst = isMakingRoom.withLock { isMaking in
            defer { isMaking = true }
            return !isMaking
        }
        guard isFirst else { return }
        queue.async {
            defer { self.isMakingRoom.withLock { $0 = false } }
            // Nodes may be loading one.
            guard !self.mayBeRestoring.withLock({ $0 }) else { return }
            // What cannot be removed now may be at the next attempt; the run waits meanwhile.
            do {
                try self.store.prune(keep: 1, generation: 0)
                if let missing = try missing() { try self.store.giveWay(toBytes: missing) }
            } catch {}
        }
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
            if point != nil { mayBeRestoring.withLock { $0 = true } }
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
        mayBeRestoring.withLock { $0 = false }
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
