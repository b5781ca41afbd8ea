import OobleckCore

/// Copies of layers that were found to differ from the others.
struct DamageAccount: Sendable {
    /// Times that a node's state was damaged, after which the node is out.
    static let limit = 3

    var times: [NodeID: Int] = [:]
    /// Steps at which copies differed and nobody could tell which is right.
    var undecided: Set<Int> = []
}

extension Coordinator {
    /// Compares all copies of every layer before the step commits.
    ///
    /// Returns whether they agree. If not the step is redone: after the copies that differ were
    /// replaced from the others, so that nothing computed from them is left.
    mutating func checkCopies(_ tally: StepTally, now: Seconds) -> Bool {
        guard !knownBugs.contains(.copiesNotCompared) else { return true }
        switch StateAgreement(tally.statesByNode) {
        case .agreed: return true
        case .undecided(let layer, let nodes): giveUp(layer, on: nodes, now: now)
        case .damaged(let damaged): replace(damaged, now: now)
        }
        return false
    }

    /// None of a layer's copies can be relied on: the run goes back to the newest checkpoint, or to
    /// the seed while no step counts.
    ///
    /// Where there is no checkpoint it stops. It also does when copies differ at one step twice: that
    /// is no bit that flipped, but nodes that do not compute alike.
    private mutating func giveUp(_ layer: Int, on nodes: [NodeID], now: Seconds) {
        let found = Damage.undecided(named(layer), nodes)
        let what = found.finding(step: committedSteps)
        guard troubles.damage.undecided.insert(committedSteps).inserted else {
            let cure = "these nodes do not compute alike; train without one of them"
            return stop(OobleckError(.internalFault, "\(what), for the second time: \(cure)"))
        }
        guard committedSteps == 0 || job.checkpoint != nil else {
            let cure = "with checkpoints (--checkpoint-every) the run would go back to the newest"
            return stop(OobleckError(.internalFault, "\(what); \(cure)"))
        }
        log(.damaged(found))
        abort(reason: what)
        for node in members.keys { members[node]?.forget([layer]) }
        guard committedSteps > 0 else { return reconfigure(now: now) }
        waitForNodes(
            because: OobleckError(.outOfNodes, what),
            // One of this very step was written from the copies of which one is wrong.
            passingOver: [committedSteps],
            now: now
        )
    }

    /// Has damaged copies replaced; a node with damage again and again is put out.
    mutating func replace(_ damaged: [NodeID: Set<Int>], now: Seconds) {
        if checkpoints.save != nil {
            failSave("a copy of a layer was found damaged; tried again at the next step")
            checkpoints.isOverdue = true
        }
        var hopeless: [LostNode] = []
        for (node, layers) in damaged.sorted(by: { $0.key < $1.key }) {
            if !knownBugs.contains(.damagedCopiesStay) { members[node]?.forget(layers) }
            troubles.damage.times[node, default: 0] += 1
            log(.damaged(.copies(node, layers.sorted().map(named))))
            if troubles.damage.times[node, default: 0] >= DamageAccount.limit {
                let cause = LossCause.damaged(times: DamageAccount.limit)
                hopeless.append(LostNode(id: node, cause: cause, firstSign: nil))
            }
        }
        guard hopeless.isEmpty else { return lose(hopeless, now: now) }
        if phase.kind == .collecting { return collectAgain(now: now) }
        let nodes = damaged.keys.sorted().map(\.description).joined(separator: ", ")
        abort(reason: "damaged state on \(damaged.count == 1 ? "node" : "nodes") \(nodes)")
        reconfigure(now: now)
    }
}
