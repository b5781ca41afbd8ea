import OobleckCoordination
import OobleckCore

extension WorldJudge {
    /// Judges the end of a world.
    mutating func end(of world: World) {
        guard let outcome = world.shell.outcome else {
            if complaints.isEmpty { complain("the run has no end") }
            return
        }
        switch outcome {
        case .completed(let digests, let loss): checkCompletion(digests, loss)
        case .stopped(let error): checkStop(error, world)
        case .abandoned(let error): complain("abandoned without reason: \(error.message)")
        }
        checkChain()
        checkWorkers(world)
        checkProcesses(world)
        checkResult(world)
    }

    private mutating func checkCompletion(_ digests: [String], _ loss: Double?) {
        if ledger.count != setup.steps {
            complain("completed after \(counted(ledger.count, "step"))")
        }
        let final = reference.states[setup.steps]
        if setup.evaluationPeriod != nil, evaluations[setup.steps] == nil, setup.isWithinTolerance {
            complain("the final state was not evaluated")
        }
        if digests != final.map({ "\($0)" }) { complain("the final state differs") }
        if !isFinal(loss) { complain("the final loss differs") }
        if divergence != nil, !hasLostPower { complain("completed although training diverged") }
        for layer in final.indices {
            let bytes = (0..<8).map { UInt8(truncatingIfNeeded: final[layer] >> (8 * $0)) }
            if chunks[layer]?.bytes != bytes { complain("layer \(layer) is stored otherwise") }
        }
    }

    /// A run may stop when it cannot go on, and must not otherwise.
    private mutating func checkStop(_ error: OobleckError, _ world: World) {
        if error.code == .inputData { return checkDivergence(error) }
        // A coordinator that dies among its farewells leaves nodes that have gone, and knows nothing.
        if error.code == .outOfNodes, hasToldDivergence { return }
        // Copies that differ after an update may leave none to go on with.
        if setup.hasUpdateFlips { return }
        // Nodes that were never answered look for a coordinator for a while only.
        if setup.isWithinTolerance, !world.wasAwayTooLong {
            return complain("stopped although at most f nodes were lost at once: \(error.message)")
        }
        switch error.code {
        case .outOfNodes:
            let isLost = ledger.isEmpty ? false : !lostLayers.isEmpty || damage.isFound
            if usableNodes.count >= setup.minimumNodes, !isLost {
                complain("stopped without reason: \(error.message)")
            } else if setup.checkpoint != nil, usableNodes.count >= setup.minimumNodes,
                !error.message.contains("no checkpoint")
            {
                complain("stopped although there may be a checkpoint: \(error.message)")
            }
        default:
            // Four attempts at one step fail with nobody lost.
            let alarms = world.struck.count {
                switch setup.faults[$0].action {
                case .falseAlarm, .replay: true
                case .crawl: setup.minimumNodes == 1
                default: false
                }
            }
            if alarms == 0 { complain("stopped without reason: \(error.message)") }
        }
    }

    private mutating func checkChain() {
        if let broken = LedgerChain.firstBroken(lines) {
            complain("the ledger's chain is broken at line \(broken)")
        }
        for (number, step) in ledger.enumerated() {
            let batch = ToyModel.microbatchCount * ToyModel.microbatchSize
            if step.firstSample != number * batch || step.endSample != (number + 1) * batch {
                complain("step \(number) has samples \(step.firstSample) to \(step.endSample)")
            }
        }
    }

    /// Workers applied what the ledger has, under its generation, each step once, and hold the
    /// undisturbed run's state.
    private mutating func checkWorkers(_ world: World) {
        let workers = world.nodes.keys.sorted().flatMap { world.nodes[$0]?.workers ?? [] }
        for worker in workers.map(\.logic) {
            let id = worker.id
            for problem in worker.problems { complain(problem) }
            var before = -1
            for (step, generation) in worker.applied {
                if step <= before { complain("worker \(id) applied step \(step) after \(before)") }
                before = step
                let isKnown = history.contains { $0.step == step && $0.generation == generation }
                if !isKnown {
                    complain("worker \(id) applied step \(step), which is not in the ledger")
                }
            }
            for (layer, state) in worker.layers
            where state.steps > setup.steps || reference.states[state.steps][layer] != state.value {
                // Its own memory is damaged, and nothing came of that.
                let isIntact = worker.damage.isIntact(layer, state)
                if !isIntact || worker.damage.unnoticed.contains(layer) { continue }
                complain("worker \(id) holds a wrong layer \(layer)")
            }
        }
    }

    private mutating func checkProcesses(_ world: World) {
        for id in world.nodes.keys.sorted() {
            guard let node = world.nodes[id], node.isPowered else { continue }
            for process in node.processes where process.isRunning {
                complain("\(process.role.rawValue) \(process.worker) is left after the run")
            }
        }
    }

    private mutating func checkResult(_ world: World) {
        let result = world.shell.instance.coordinator.result(stateSHA256: "")
        let batch = ToyModel.microbatchCount * ToyModel.microbatchSize
        if result.samplesCommitted != batch * ledger.count {
            complain(
                "\(counted(result.samplesCommitted, "sample")) for \(counted(ledger.count, "step"))"
            )
        }
        if result.samplesRepeated != 0 { complain("samples are repeated") }
        if result.recoveries != recoveries { complain("recoveries were told otherwise") }
        let lost = recoveries.flatMap(\.lostNodes)
        if Set(lost).count != lost.count { complain("a node was lost twice") }
    }
}
