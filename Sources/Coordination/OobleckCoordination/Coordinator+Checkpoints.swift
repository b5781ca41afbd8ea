import OobleckCore

/// The saving of checkpoints: what is under way, and what was learnt from the saves before.
struct CheckpointProgress: Sendable {
    /// One save, from the order to the answer of the store.
    struct Save: Sendable {
        let generation: Generation
        let step: Int
        var started: Seconds
        /// Which worker writes which layer.
        let writers: [Int: WorkerID]
        /// Whether someone has asked for it.
        let isRequested: Bool
        /// Layers that are on the device.
        var written: [Int: ShardDigest] = [:]
        /// How long each writer's training was held up.
        var heldUp: [WorkerID: Seconds] = [:]

        /// Layers whose report is still to come.
        var missing: [Int] { writers.keys.filter { written[$0] == nil }.sorted() }
    }

    var save: Save?
    /// A writer was lost: the next boundary saves, whatever the rhythm says.
    var isOverdue = false
    /// Someone has asked for a save.
    var isRequested = false
    /// Saves in a row that came to nothing, the newest among them.
    var failures = 0
    /// What was wrong with the newest of them, without its numbers.
    var trouble = ""
    /// When the newest save was ordered.
    var lastStart: Seconds?
    /// What the newest complete save cost: hold-up of the slowest worker, and time until published.
    var heldUp: Seconds = 0
    var written: Seconds = 0
    /// Committed steps in the newest checkpoint published.
    var savedStep: Int?
}

extension Coordinator {
    /// Orders a save at a step boundary, after the commit was sent, if one is due.
    ///
    /// `plan` is the one under which the step was committed: it says who holds what.
    mutating func saveIfDue(under plan: CoordinatorPlan, now: Seconds) {
        guard let rule = job.checkpoint, isSaveDue(rule.rhythm, now: now) else { return }
        if let save = checkpoints.save {
            // Under Young and Daly's rule the time that writing takes is part of the interval.
            guard case .steps = rule.rhythm else { return }
            return log(.warning(.checkpointSkipped(step: committedSteps, writing: save.step)))
        }
        orderSave(under: plan, now: now)
    }

    /// Orders a save of the state at the step boundary that was reached under `plan`.
    mutating func orderSave(under plan: CoordinatorPlan, now: Seconds) {
        let isRequested = checkpoints.isRequested
        checkpoints.isOverdue = false
        checkpoints.isRequested = false
        checkpoints.lastStart = now
        let writers = spread(profile.layers.indices) { layer in
            let holders = plan.workers.filter {
                plan.layersByWorker[$0]?.contains(layer) == true
                    && members[$0.node]?.life == .usable
            }
            // Who drains may be gone before it has written.
            let staying = holders.filter { members[$0.node]?.isDraining != true }
            return staying.isEmpty ? holders : staying
        }
        let save = CheckpointProgress.Save(
            generation: plan.generation,
            step: committedSteps,
            started: now,
            writers: writers,
            isRequested: isRequested
        )
        checkpoints.save = save
        for worker in Set(writers.values).sorted() {
            let layers = writers.filter { $0.value == worker }.keys.sorted()
            send(.checkpoint(order(of: save, layers: layers)), to: worker)
        }
    }

    /// How long after a save that failed the next one is tried, where the rhythm leaves that open.
    private var retryPause: Seconds {
        let longest: Seconds = 600
        let doublings = min(max(0, checkpoints.failures - 1), 16)
        return min(longest, Double(1 << doublings) * deadlines.budget)
    }

    private func order(of save: CheckpointProgress.Save, layers: [Int]) -> CheckpointOrder {
        CheckpointOrder(
            generation: save.generation,
            step: save.step,
            folder: (job.checkpoint?.directory ?? "checkpoints") + "/"
                + CheckpointLayout.partialFolderName(
                    step: save.step,
                    generation: save.generation.rawValue
                ),
            layers: layers
        )
    }

    private func isSaveDue(_ rhythm: CheckpointSpecification.Rhythm, now: Seconds) -> Bool {
        if checkpoints.isOverdue || checkpoints.isRequested { return true }
        switch rhythm {
        case .steps(let steps): return committedSteps.isMultiple(of: steps)
        case .youngDaly:
            // The first save finds out what one costs.
            guard let last = checkpoints.lastStart else { return true }
            let interval = YoungDaly.spacing(
                heldUp: checkpoints.heldUp,
                written: checkpoints.written,
                elapsed: now - (attendance.started ?? now),
                failures: account.failures
            )
            // A disk that refuses is asked again soon, and then less and less often.
            return now - last >= (checkpoints.failures == 0 ? interval : retryPause)
        }
    }

    /// Gives each layer to one of its holders, the largest layers first, each to the holder with the
    /// fewest bytes so far; layers without a holder are left out.
    func spread(
        _ layers: some Sequence<Int>,
        over holders: (Int) -> [WorkerID]
    ) -> [Int: WorkerID] {
        var load: [WorkerID: ByteCount] = [:]
        var chosen: [Int: WorkerID] = [:]
        let bySize = layers.sorted {
            (profile.layers[$1].stateBytes, $0) < (profile.layers[$0].stateBytes, $1)
        }
        for layer in bySize {
            let holder = holders(layer).min {
                (load[$0, default: 0], $0) < (load[$1, default: 0], $1)
            }
            guard let holder else { continue }
            load[holder, default: 0] += profile.layers[layer].stateBytes
            chosen[layer] = holder
        }
        return chosen
    }

    mutating func receive(_ report: ShardReport, from worker: WorkerID, now: Seconds) {
        guard let save = checkpoints.save, save.generation == report.generation,
            save.step == report.step, save.writers[report.layer] == worker,
            save.written[report.layer] == nil
        else { return dropStale() }
        switch report.outcome {
        case .failed(let message): failSave(message, node: worker.node)
        case .written(let digest):
            checkpoints.save?.written[report.layer] = digest
            // Whoever is held up for longer than a step may take is taken for stuck.
            let heldUp = (report.heldUp.measured ?? .zero).bounded(by: .zero...deadlines.stall)
            checkpoints.save?.heldUp[worker] = heldUp
            publishIfWritten()
        }
    }

    private mutating func publishIfWritten() {
        guard let save = checkpoints.save, save.missing.isEmpty else { return }
        let layers = profile.layers.indices.compactMap { save.written[$0] }
        guard layers.count == profile.layers.count else {
            return failSave("only \(layers.count) of \(profile.layers.count) layers had a holder")
        }
        let publication = CheckpointPublication(
            generation: save.generation,
            step: save.step,
            corpusDigest: agreed.read?.digests.corpus,
            layers: layers
        )
        perform(.checkpoint(.publish(publication)))
    }

    /// The store has answered.
    mutating func receive(_ outcome: CheckpointOutcome, now: Seconds) {
        switch outcome {
        case .published(let generation, let step):
            guard let save = checkpoints.save, save.generation == generation, save.step == step
            else { return dropStale() }
            checkpoints.save = nil
            checkpoints.savedStep = step
            checkpoints.failures = 0
            checkpoints.heldUp = save.heldUp.values.max() ?? 0
            checkpoints.written = now - save.started
            log(.checkpointSaved(Self.describe(save, until: now)))
            if save.isRequested { log(.checkpointRequested(.saved(step: step))) }
        case .failed(let generation, let step, let message):
            guard let save = checkpoints.save, save.generation == generation, save.step == step
            else { return dropStale() }
            failSave(message)
        case .warned(let message): log(.warning(.checkpointStore(reason: message)))
        case .found(let point, let passedOver):
            receive(point, passedOver: passedOver, now: now)
        }
    }

    private static func describe(
        _ save: CheckpointProgress.Save,
        until now: Seconds
    ) -> SavedCheckpoint {
        SavedCheckpoint(
            step: save.step,
            bytes: ByteCount.total(save.written.values.map { ByteCount($0.bytes) }),
            layers: save.written.count,
            nodes: save.heldUp.keys.nodes.count,
            heldUp: save.heldUp.values.max() ?? 0,
            written: now - save.started
        )
    }

    /// Names what went wrong, and has what there is of the save removed.
    ///
    /// Training goes on, and what was published before stays.
    mutating func failSave(_ reason: String, node: NodeID? = nil) {
        guard let save = checkpoints.save else { return }
        checkpoints.failures += 1
        let count = checkpoints.failures
        let failed = FailedCheckpoint(
            step: save.step,
            node: node,
            reason: reason,
            failuresInARow: count
        )
        let message = failed.trouble
        if case .stopping = phase { stopping?.failure = message }
        // The same trouble is told the first and the second time, the fourth, the eighth, ...; the
        // numbers in it are those of steps and layers.
        let trouble = message.filter { !$0.isNumber }
        if count & (count - 1) == 0 || trouble != checkpoints.trouble {
            log(.checkpointFailed(failed))
        }
        checkpoints.trouble = trouble
        dropSave()
    }

    /// Gives the save up that is under way, if any.
    mutating func dropSave() {
        guard let save = checkpoints.save else { return }
        checkpoints.save = nil
        perform(.checkpoint(.discard(generation: save.generation, step: save.step)))
    }

    /// A node is gone: what it had still to write never comes, so the save is tried again at the
    /// next boundary.
    mutating func giveUpSave(of node: NodeID) {
        guard let save = checkpoints.save,
            save.missing.contains(where: { save.writers[$0]?.node == node })
        else { return }
        failSave("node \(node) is gone, which was writing; tried again at the next step")
        checkpoints.isOverdue = true
    }

    /// Bytes of the whole state.
    var stateBytes: ByteCount { profile.layers.reduce(.zero) { $0 + $1.stateBytes } }

    /// Bounds a save on a disk that does not answer.
    mutating func checkSave(now: Seconds) {
        guard let save = checkpoints.save else { return }
        let limit = deadlines.save(of: stateBytes)
        guard now - save.started > limit else { return }
        let missing = save.missing.map(String.init).joined(separator: ", ")
        let what = missing.isEmpty ? "the manifest" : "layers \(missing)"
        failSave("\(what) not on disk within \(Self.tenths(limit)) s")
    }
}
