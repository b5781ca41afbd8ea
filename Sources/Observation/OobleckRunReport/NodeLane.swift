import OobleckCore

/// What one node did in the course of a run.
package struct NodeLane: Sendable {
    /// What a node does for a while.
    package enum Activity: Hashable, Sendable {
        /// It has joined, and has no work yet, or no more.
        case waiting
        /// It trains a stage of the pipeline of this index, or `stages` from that one on.
        case training(pipeline: Int?, stage: Int?, stages: Int = 1)
        /// Its generation is over, and the next is being made.
        case recovering
    }

    /// A stretch of time since 1970.
    package struct Span: Sendable {
        package var activity: Activity
        package var generation: Generation?
        package var start: Double
        package var end: Double
    }

    /// How a node's part ended.
    package enum End: Sendable {
        case lost(String)
        case left
        case done
    }

    package var node: NodeID
    package var joined: Double
    package var spans: [Span] = []
    package var end: (time: Double, how: End)?

    private init(node: NodeID, joined: Double) {
        (self.node, self.joined) = (node, joined)
    }

    /// Ends what it does, and begins something else.
    private mutating func begin(_ activity: Activity, _ generation: Generation?, at time: Double) {
        guard end == nil else { return }
        close(at: time)
        spans.append(Span(activity: activity, generation: generation, start: time, end: time))
    }

    private mutating func close(at time: Double) {
        guard let last = spans.indices.last, end == nil else { return }
        spans[last].end = max(spans[last].start, time)
        if spans[last].end == spans[last].start { spans.removeLast() }
    }

    private mutating func finish(_ how: End, at time: Double) {
        close(at: time)
        end = end ?? (time, how)
    }

    /// The lanes of all nodes that ever joined, by number; what a node does lasts until `now`, or until the
    /// last event where that is later.
    package static func lanes(_ events: [TimedEvent], until now: Double? = nil) -> [NodeLane] {
        var lanes: [NodeID: NodeLane] = [:]
        var layouts: [Generation: [[NodeID]]] = [:]
        for timed in events {
            let time = timed.time.value
            switch timed.event.content {
            case .nodeJoined(let node, _):
                if lanes[node] == nil { lanes[node] = NodeLane(node: node, joined: time) }
                lanes[node]?.begin(.waiting, nil, at: time)
            case .nodeLost(let node, let cause):
                lanes[node]?.finish(.lost(cause.causeName), at: time)
            case .nodeDrained(let node): lanes[node]?.finish(.left, at: time)
            case .planned(let plan): layouts[plan.generation] = plan.layout
            case .aborted(let generation, _):
                for node in lanes.keys { lanes[node]?.begin(.recovering, generation, at: time) }
            case .resumed(let generation): resume(&lanes, layouts[generation], generation, time)
            // After a loss, this is the word that training resumes.
            case .recovered:
                let generation = timed.event.generation
                resume(&lanes, layouts[generation], generation, time)
            case .finished, .stopped:
                for node in lanes.keys { lanes[node]?.finish(.done, at: time) }
            default: break
            }
        }
        let last = max(events.last?.time.value ?? 0, now ?? 0)
        return lanes.keys.sorted().compactMap { node in
            lanes[node]?.close(at: last)
            return lanes[node]
        }
    }

    /// Training resumes with these pipelines, if they are known.
    private static func resume(
        _ lanes: inout [NodeID: NodeLane],
        _ layout: [[NodeID]]?,
        _ generation: Generation,
        _ time: Double
    ) {
        let places = places(layout)
        for node in lanes.keys {
            let place = places[node]
            let activity =
                place != nil || layout == nil
                ? Activity.training(
                    pipeline: place?.pipeline,
                    stage: place?.stage,
                    stages: place?.stages ?? 1
                ) : .waiting
            lanes[node]?.begin(activity, generation, at: time)
        }
    }

    private static func places(
        _ layout: [[NodeID]]?
    ) -> [NodeID: (pipeline: Int, stage: Int, stages: Int)] {
        var places: [NodeID: (pipeline: Int, stage: Int, stages: Int)] = [:]
        for (pipeline, nodes) in (layout ?? []).enumerated() {
            for (stage, node) in nodes.enumerated() {
                let first = places[node] ?? (pipeline, stage, 0)
                places[node] = (pipeline, first.stage, first.stages + 1)
            }
        }
        return places
    }
}
