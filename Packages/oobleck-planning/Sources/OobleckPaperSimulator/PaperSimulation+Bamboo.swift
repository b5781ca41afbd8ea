import OobleckSimulator

/// What Bamboo's simulator keeps besides.
struct BambooState {
    /// Milliseconds of a restart.
    static let restartTime = 30_000
    /// How much longer a step gets after a node of it went.
    static let slowdown = 1.5
    /// The share of a step that the published breakdown takes for useful: a fitted constant.
    static let usefulShare = 0.1971

    /// The step in which a node went, and when.
    var interruption: (steps: Int, time: Int)?
    /// Whether that step was made longer already.
    var isStretched = false
}

extension PaperSimulation {
    /// Lets the node before take over; whether that is impossible and the system must restart.
    mutating func loseBambooNode(_ node: Node, at time: Int) -> Bool {
        if let place = node.places.first {
            guard node.places.count == 1 else { return true }
            let stage = place.stage == 0 ? Self.gridStages - 1 : place.stage - 1
            let before = Place(pipeline: place.pipeline, stage: stage)
            if let index = nodes.firstIndex(where: { $0.places.contains(before) }) {
                guard nodes[index].places.count == 1 else { return true }
                nodes[index].places.append(place)
            }
        }
        if status == .running, bamboo.interruption == nil {
            bamboo.interruption = (record.steps, time)
            bamboo.isStretched = false
            stepTime = Int(Double(stepTime) * BambooState.slowdown)
        }
        return false
    }

    /// Makes the step in which a node went longer, once; whether it was this step.
    mutating func stretchBambooStep(at time: Int) -> Bool {
        guard let interruption = bamboo.interruption, !bamboo.isStretched,
            interruption.steps == record.steps
        else { return false }
        let extra = Int(Double(time - interruption.time) * (BambooState.slowdown - 1))
        heap.push(PaperEventHeap.Event(time: time + extra, kind: .stepEnd, version: version))
        bamboo.isStretched = true
        return true
    }

    /// Whether nodes that hold two places are too many, or can be relieved, or a pipeline can be
    /// added.
    var shouldRebalanceBamboo: Bool {
        let doubled = nodes.count { $0.places.count > 1 }
        if doubled > 0, waiting >= doubled { return true }
        let active = pipelines * Self.gridStages - doubled
        if doubled > 0, 2 * Double(doubled) / Double(active) > 0.05 { return true }
        return (active + waiting) / Self.gridStages > pipelines
    }
}
