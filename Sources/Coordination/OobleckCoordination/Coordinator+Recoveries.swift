import OobleckCore

/// A failure that is being survived: from the first loss until every node of a plan has resumed.
struct PendingRecovery: Sendable {
    let step: Int
    var lost: [NodeID] = []
    var firstSign: Seconds
    /// When the first of the nodes was declared lost.
    let declared: Seconds
    var decide: Seconds = 0
}

/// How getting ready for the plan in force went, over all of its nodes.
struct PreparationSummary: Sendable {
    var rebuild: Seconds = 0
    var transfer: Seconds = 0
    var received: ByteCount = 0

    init() {}

    init(_ reports: some Sequence<PreparationReport>) {
        for report in reports {
            rebuild = max(rebuild, report.rebuild.measured ?? .zero)
            transfer = max(transfer, report.transfer.measured ?? .zero)
            received = ByteCount.total([received, report.received])
        }
    }
}

extension Coordinator {
    /// The node's processes were killed at this time, says who did it: the true first sign of its
    /// loss.
    ///
    /// To be called before the loss has been recovered from.
    package mutating func noteKill(_ node: NodeID, at time: Seconds) {
        recovery.killTimes[node] = time
        if let pending = recovery.pending, pending.lost.contains(node) {
            recovery.pending?.firstSign = min(pending.firstSign, time)
        }
    }

    /// How long the last call of ``handle(_:now:)`` took.
    ///
    /// To be called after each whose directives hold a `reconfigure`; counts as deciding if a
    /// failure is being recovered from.
    package mutating func noteDecision(took time: Seconds) { recovery.pending?.decide += time }

    mutating func noteLoss(of node: LostNode, now: Seconds) {
        let signs = [node.firstSign, recovery.firstFault, now].compactMap { $0 }
        let sign = recovery.killTimes[node.id] ?? signs.min() ?? now
        var pending =
            recovery.pending
            ?? PendingRecovery(step: committedSteps, firstSign: sign, declared: now)
        pending.lost.append(node.id)
        pending.firstSign = min(pending.firstSign, sign)
        recovery.pending = pending
    }

    mutating func receiveResumed(_ generation: Generation, from worker: WorkerID, now: Seconds) {
        guard case .training = phase, let plan, plan.generation == generation,
            plan.layersByWorker[worker] != nil
        else { return dropStale() }
        let hasResumed = phase.whileTraining { training in
            training.resumed.insert(worker).inserted
                && training.resumed.count == plan.workers.count
        }
        guard hasResumed == true, case .training(let training) = phase else { return }
        let preparation = training.preparation
        recovery.firstFault = training.grace?.since
        guard let survived = recovery.pending else { return log(.resumed(generation)) }
        recovery.pending = nil
        let record = RecoveryRecord(
            step: survived.step,
            lostNodes: survived.lost.sorted(),
            detect: max(0, survived.declared - survived.firstSign),
            decide: survived.decide,
            rebuild: preparation.rebuild,
            transfer: preparation.transfer,
            transferBytes: preparation.received,
            total: max(0, now - survived.firstSign),
            reason: plan.document.reason
        )
        account.recoveries.append(record)
        note(.persist(.recovered(record)))
        note(.recovered(record))
        log(.recovered(record))
    }

    /// ` (just lost: nodes 2, 5)` if that is so, for the line about what is missing.
    var lossClause: String {
        guard let lost = recovery.pending?.lost, !lost.isEmpty else { return "" }
        return " (just lost: \(EventText.nodes(lost)))"
    }

    /// `layers 3 (block2), 4 (block3) are`.
    func describe(_ layers: [Int]) -> String {
        let names = layers.map { "\($0) (\(profile.layers[$0].name))" }
        let list = names.joined(separator: ", ")
        return layers.count == 1 ? "layer \(list) is" : "layers \(list) are"
    }

    /// The layer as people know it.
    func named(_ layer: Int) -> NamedLayer {
        let isKnown = profile.layers.indices.contains(layer)
        return NamedLayer(index: layer, name: isKnown ? profile.layers[layer].name : nil)
    }
}
