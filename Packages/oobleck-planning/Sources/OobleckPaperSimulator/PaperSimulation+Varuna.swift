import OobleckSimulator

/// What Varuna's simulator keeps besides.
struct VarunaState {
    /// When the last good checkpoint ended, in hours.
    var lastCheckpoint: Double?
    /// Whether a node went since the last step ended, which makes the next one write a checkpoint.
    var hasLostNode = false
}

extension PaperSimulation {
    /// Steps from one checkpoint to the next.
    private var checkpointInterval: Int { policy == .varunaWithoutOverhead ? 2 : 10 }

    /// The published runs on spot traces let the small models lose nothing.
    private var losesWork: Bool {
        guard experiment == .spot, policy == .varuna else { return true }
        return model == .gpt3With2700M || model == .gpt3With6700M
    }

    /// Loses what was done since the last good checkpoint.
    mutating func fallBack(at time: Int) {
        varuna.hasLostNode = true
        guard losesWork else { return }
        guard let checkpoint = varuna.lastCheckpoint else {
            record.loseSteps(from: 0)
            record.fallback += Double(time)
            return
        }
        // With no step since, the published loop stops at the last point and loses nothing.
        let points = record.hours.count
        let found = record.hours.firstIndex(of: checkpoint) ?? points - 1
        let kept = min(found + 1, record.rates.count)
        record.fallback += Double(stepTime * (record.rates.count - kept))
        record.loseSteps(from: kept)
    }

    /// Writes a checkpoint after a step if one is due; returns when the next step can start.
    mutating func checkpoint(at time: Int) -> Int {
        let isDue = record.steps % checkpointInterval == 0 || varuna.hasLostNode
        guard isDue else { return time }
        varuna.hasLostNode = false
        var end = time
        if policy == .varuna {
            let overhead = PaperTables.checkpoint(model)
            end += overhead
            record.checkpoint += Double(overhead)
            heap.push(PaperEventHeap.Event(time: end + overhead, kind: .checkpointEnd))
        }
        heap.rebuild()
        if losesWork, checkpointFails {
            record.fallback += Double(checkpointInterval * stepTime)
            record.steps = max(0, record.steps - checkpointInterval)
            record.loseLast(steps: checkpointInterval)
        } else {
            varuna.lastCheckpoint = Double(end) / PaperRecord.millisecondsPerHour
        }
        return end
    }

    /// Whether a removal stands before the end of the checkpoint in the array, which is not in order
    /// of time.
    private var checkpointFails: Bool {
        for event in heap.events {
            if event.kind == .remove { return heap.events.contains { $0.kind == .checkpointEnd } }
            if event.kind == .checkpointEnd { return false }
        }
        return false
    }
}
