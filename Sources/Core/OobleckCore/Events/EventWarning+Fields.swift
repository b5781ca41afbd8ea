extension Warning {
    /// Writes all but the node.
    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: EventKey.self)
        func cause(_ name: String) throws { try fields.encode(name, forKey: .cause) }
        switch self {
        case .coordinatorAway(let time):
            try cause("coordinator-away")
            try fields.encode(time, forKey: .seconds)
        case .notStarted(_, let evidence):
            try cause("not-started")
            try fields.encode(evidence, forKey: .evidence)
        case .planKept(let reason):
            try cause("plan-kept")
            try fields.encode(reason, forKey: .reason)
        case .leavesAtBoundary: try cause("leaves-at-boundary")
        case .checkpointSkipped(let step, let writing):
            try cause("checkpoint-skipped")
            try fields.encode(step, forKey: .checkpointStep)
            try fields.encode(writing, forKey: .writingStep)
        case .checkpointStore(let reason):
            try cause("checkpoint-store")
            try fields.encode(reason, forKey: .reason)
        case .collectiveFailed(let generation, let failure):
            try cause("collective-failed")
            try fields.encode(generation, forKey: .generation)
            try fields.encode(failure.reason, forKey: .reason)
            try fields.encode(failure.unreached, forKey: .unreached)
        case .startsShort(let ready, let expected):
            try cause("starts-short")
            try fields.encode(ready, forKey: .ready)
            try fields.encode(expected, forKey: .expected)
        case .waitsForStart(let nodes):
            try cause("waits-for-start")
            try nodes.encode(to: encoder)
        case .finalStateNotEvaluated(let reason):
            try cause("final-state-not-evaluated")
            try fields.encode(reason, forKey: .reason)
        case .stays(_, let reason):
            try cause("stays")
            try fields.encode(reason, forKey: .reason)
        case .notCovered(let nodes, let losses):
            try cause("not-covered")
            try fields.encode(nodes, forKey: .nodes)
            try fields.encode(losses, forKey: .losses)
        case .startsOver(let weights):
            try cause("starts-over")
            try fields.encodeIfPresent(weights, forKey: .weights)
        case .checkpointNotNeeded: try cause("checkpoint-not-needed")
        case .eventsDropped(let count):
            try cause("events-dropped")
            try fields.encode(count, forKey: .count)
        }
    }

    init(_ node: NodeID?, _ fields: EventFields, _ decoder: any Decoder) throws {
        let cause: String = try fields[.cause]
        self =
            switch cause {
            case "coordinator-away": .coordinatorAway(try fields[.seconds])
            case "not-started":
                .notStarted(try fields.node(node), evidence: try fields[.evidence])
            case "plan-kept": .planKept(reason: try fields[.reason])
            case "leaves-at-boundary": .leavesAtBoundary(try fields.node(node))
            case "checkpoint-skipped":
                .checkpointSkipped(
                    step: try fields[.checkpointStep],
                    writing: try fields[.writingStep]
                )
            case "checkpoint-store": .checkpointStore(reason: try fields[.reason])
            case "collective-failed":
                .collectiveFailed(
                    try fields[.generation],
                    CollectiveFailure(
                        node: node,
                        reason: try fields[.reason],
                        unreached: try fields[.unreached]
                    )
                )
            case "starts-short":
                .startsShort(ready: try fields[.ready], expected: try fields[.expected])
            case "waits-for-start": .waitsForStart(try MissingNodes(from: decoder))
            case "final-state-not-evaluated": .finalStateNotEvaluated(reason: try fields[.reason])
            case "stays": .stays(try fields.node(node), reason: try fields[.reason])
            case "not-covered":
                .notCovered(nodes: try fields[.nodes], losses: try fields[.losses])
            case "starts-over": .startsOver(weights: try fields.optional(.weights))
            case "checkpoint-not-needed": .checkpointNotNeeded
            case "events-dropped": .eventsDropped(try fields[.count])
            default: throw fields.unknown(.cause, cause)
            }
    }
}
