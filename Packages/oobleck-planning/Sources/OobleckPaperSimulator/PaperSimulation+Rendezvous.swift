import OobleckSimulator

/// Nodes that come and go, and the reconfiguration after it.
extension PaperSimulation {
    mutating func handle(_ event: PaperEventHeap.Event) {
        switch event.kind {
        case .add:
            nodes.append(Node(name: event.node))
            heap.push(
                PaperEventHeap.Event(
                    time: event.time + Self.creationTime,
                    kind: .ready,
                    node: event.node
                )
            )
        case .remove: remove(event.node, at: event.time)
        case .ready: ready(event.node, at: event.time)
        case .globalTimeout, .localTimeout: timeout(event)
        case .stepEnd where event.version == version: endStep(at: event.time)
        case .stepEnd, .checkpointEnd: break
        }
    }

    mutating func ready(_ name: String, at time: Int) {
        guard let index = nodes.firstIndex(where: { $0.name == name }) else { return }
        nodes[index].isReady = true
        switch status {
        case .stopped: startRendezvous(at: time, isGlobal: true)
        case .rendezvous:
            rendezvous.append(name)
            if rendezvous.count >= Self.gridStages { record.hasEnoughNodes = true }
        case .running: waiting += 1
        }
    }

    mutating func remove(_ name: String, at time: Int) {
        guard let index = nodes.firstIndex(where: { $0.name == name }) else { return }
        let node = nodes.remove(at: index)
        record.preemptions += 1
        switch policy {
        case .oobleck:
            heap.rebuild()
            record.fallback += Double(hasStepTime ? stepTime : 0)
        case .bamboo:
            record.fallback += Double(hasStepTime ? stepTime : 0)
            guard loseBambooNode(node, at: time) else { return }
        case .varuna, .varunaWithoutOverhead: fallBack(at: time)
        }
        record.fatalFailures += 1
        startRendezvous(at: time, isGlobal: true)
    }

    mutating func startRendezvous(at time: Int, isGlobal: Bool) {
        if status == .running { record.interrupt(at: time) }
        status = .rendezvous
        rendezvous = nodes.filter(\.isReady).map(\.name)
        startTimer(at: time, isGlobal: isGlobal)
    }

    mutating func startTimer(at time: Int, isGlobal: Bool) {
        timer += 1
        let duration: Int
        switch policy {
        case .oobleck:
            duration = restartTime
            record.rebalance += Double(duration)
        case .bamboo:
            duration = isGlobal ? BambooState.restartTime : restartTime
            if isGlobal {
                record.restart += Double(duration)
            } else {
                record.rebalance += Double(duration)
            }
        case .varuna, .varunaWithoutOverhead:
            // The constant holds a checkpoint, which is counted by itself.
            duration = restartTime - PaperTables.checkpoint(model)
            record.restart += Double(duration)
        }
        heap.push(
            PaperEventHeap.Event(
                time: time + duration,
                kind: isGlobal ? .globalTimeout : .localTimeout,
                version: timer
            )
        )
    }

    mutating func timeout(_ event: PaperEventHeap.Event) {
        if corrections.contains(.staleTimers), event.version != timer { return }
        let names = Set(nodes.map(\.name))
        guard rendezvous.allSatisfy(names.contains) else {
            rendezvous = nodes.filter(\.isReady).map(\.name)
            startTimer(at: event.time, isGlobal: event.kind == .globalTimeout)
            return
        }
        assignPlaces()
        bamboo.interruption = nil
        bamboo.isStretched = false
        version += 1
        rendezvous = []
        guard pipelines > 0 else {
            status = .stopped
            return
        }
        status = .running
        setStepTime()
        startStep(at: event.time)
        if start == nil {
            start = event.time
            previousEnd = event.time
        }
    }

    /// The published grid: rows of twelve nodes, the rest waits.
    mutating func assignPlaces() {
        pipelines = rendezvous.count / Self.gridStages
        var place = 0
        for name in rendezvous {
            guard let index = nodes.firstIndex(where: { $0.name == name }) else { continue }
            let isInGrid = place < pipelines * Self.gridStages
            nodes[index].places =
                isInGrid
                ? [Place(pipeline: place / Self.gridStages, stage: place % Self.gridStages)] : []
            place += 1
        }
        waiting = rendezvous.count - pipelines * Self.gridStages
    }
}
