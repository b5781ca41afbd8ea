import OobleckSimulator

/// Steps, one event each.
extension PaperSimulation {
    mutating func setStepTime() {
        let ready = nodes.count(where: \.isReady)
        let row = min(max(ready, 15), 30) - 15
        hasStepTime = true
        if model == .bertLarge, policy == .varuna || policy == .varunaWithoutOverhead {
            restartTime = PaperTables.bertRestart[row]
        }
        if let setup {
            stepTime = setup.stepTimes[pipelines - 1]
            return
        }
        guard let table else {
            stepTime = 0
            return
        }
        // The published stand-in for no throughput.
        let never = 1_000_000_000_000
        let samples = Double(PaperTables.samples(model))
        stepTime = table[row] > 0 ? Int(samples / table[row] * 1000) : never
    }

    mutating func startStep(at time: Int) {
        record.stepStart = time
        if policy == .bamboo {
            let redundant = 1 - BambooState.usefulShare
            record.effective += Double(stepTime) * (1 - redundant)
            record.redundant += Double(stepTime) * redundant
        } else {
            record.effective += Double(stepTime)
        }
        heap.push(
            PaperEventHeap.Event(time: time + stepTime, kind: .stepEnd, version: version)
        )
    }

    mutating func endStep(at time: Int) {
        if policy == .bamboo, stretchBambooStep(at: time) { return }
        record.steps += 1
        record.addStep(
            from: previousEnd,
            to: time,
            samples: setup?.samples ?? PaperTables.samples(model),
            computing: stepTime
        )
        var next = time
        if policy == .varuna || policy == .varunaWithoutOverhead { next = checkpoint(at: time) }
        previousEnd = next
        if policy == .bamboo, shouldRebalanceBamboo {
            startRendezvous(at: time, isGlobal: false)
        } else if corrections.contains(.joins), waiting > 0, isWorthJoining {
            startRendezvous(at: next, isGlobal: true)
        } else {
            startStep(at: next)
        }
    }

    /// Nodes that were ready at the last reconfiguration wait for nothing: the tables know them.
    var isWorthJoining: Bool {
        guard policy != .bamboo, let table else { return false }
        let ready = min(max(nodes.count(where: \.isReady), 15), 30) - 15
        let samples = Double(PaperTables.samples(model))
        return table[ready] > 0 && Int(samples / table[ready] * 1000) < stepTime
    }
}
