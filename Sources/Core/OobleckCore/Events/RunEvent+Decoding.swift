extension RunEvent.Content {
    /// Reads an event of this kind.
    ///
    /// `nil` when the kind is unknown; throws a `DecodingError` when a field is missing or unknown.
    init?(_ kind: RunEvent.Kind, _ node: NodeID?, _ decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: EventKey.self)
        guard
            let content = try Self.aboutNode(kind, node, fields, decoder)
                ?? Self.aboutTraining(kind, fields, decoder)
                ?? Self.aboutRun(kind, node, fields, decoder)
        else {
            return nil
        }
        self = content
    }

    private static func aboutNode(
        _ kind: RunEvent.Kind,
        _ named: NodeID?,
        _ fields: EventFields,
        _ decoder: any Decoder
    ) throws -> Self? {
        switch kind {
        case .nodeJoined: .nodeJoined(try fields.node(named), agentPID: try fields[.agentPID])
        case .nodeReady: .nodeReady(try fields.node(named))
        case .nodeLost: .nodeLost(try fields.node(named), try LossCause(from: decoder))
        case .nodeDrained: .nodeDrained(try fields.node(named))
        case .outOfMemory:
            .outOfMemory(
                try fields.node(named),
                name: try fields[.name],
                evidence: try fields[.evidence],
                load: try MemoryBound(from: decoder)
            )
        case .suspicion:
            .suspicion(
                try fields.node(named),
                side: try fields[.side],
                silence: try fields[.seconds]
            )
        case .slow:
            .slow(
                try fields.node(named),
                fields.contains(.factor) ? try NodeSlowness(from: decoder) : nil
            )
        case .setAside:
            .setAside(
                try fields.node(named),
                try NodeSlowness(from: decoder),
                stepWithout: try fields[.predictedAfterSeconds],
                stepWith: try fields[.predictedBeforeSeconds]
            )
        default: nil
        }
    }

    private static func aboutTraining(
        _ kind: RunEvent.Kind,
        _ fields: EventFields,
        _ decoder: any Decoder
    ) throws -> Self? {
        switch kind {
        case .aborted: .aborted(try fields[.generation], reason: try fields[.reason])
        case .planned: .planned(try PlannedGeneration(from: decoder))
        case .prepared: .prepared(try fields[.generation], nodes: try fields[.nodes])
        case .resumed: .resumed(try fields[.generation])
        case .committed where fields.contains(.proven): .proven(step: try fields[.committedStep])
        case .committed:
            .committed(
                step: try fields[.committedStep],
                loss: try fields.number(.loss),
                isSkipped: try fields[.skipped]
            )
        case .evaluated: .evaluated(try RecordedEvaluation(from: decoder))
        case .recovered: .recovered(try RecoveryRecord(from: decoder))
        case .restored: .restored(try RestoreRecord(from: decoder))
        case .skipped: .skipped(try SkippedStep(from: decoder))
        case .rebalanced:
            .rebalanced(
                before: try fields[.predictedBeforeSeconds],
                after: try fields[.predictedAfterSeconds]
            )
        default: nil
        }
    }

    private static func aboutRun(
        _ kind: RunEvent.Kind,
        _ node: NodeID?,
        _ fields: EventFields,
        _ decoder: any Decoder
    ) throws -> Self? {
        switch kind {
        case .warning: .warning(try Warning(node, fields, decoder))
        case .refused: .refused(try Refusal(node, fields))
        case .damaged: .damaged(try Damage(node, fields))
        case .finished: .finished
        case .stopping: .stopping(reason: try fields[.reason], end: try StopEnd(fields))
        case .stopped: .stopped(reason: try fields[.reason])
        case .waitingForNodes: .waitingForNodes(reason: try fields[.reason])
        case .checkpointRequested: .checkpointRequested(try CheckpointRequest(fields))
        case .checkpointSaved: .checkpointSaved(try SavedCheckpoint(from: decoder))
        case .checkpointFailed: .checkpointFailed(try FailedCheckpoint(node, fields))
        case .checkpointDamaged: .checkpointDamaged(node, reason: try fields[.reason])
        case .restarted:
            .restarted(
                term: try fields[.term],
                decay: fields.contains(.decaySteps) ? try DecaySpan(from: decoder) : nil
            )
        case .isolated: .isolated(try IsolationCause(fields))
        case .reconnected: .reconnected(try Reconnected(fields))
        case .storageTrouble: .storageTrouble(try StorageTrouble(fields))
        case .storageRestored:
            .storageRestored(
                after: try fields[.afterSeconds],
                wasSlow: try fields[.cause] == "slow"
            )
        default: nil
        }
    }
}
