extension RunEvent.Content {
    /// Writes all but kind and node.
    func encodeFields(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: EventKey.self)
        switch self {
        case .nodeJoined(_, let pid): try fields.encode(pid, forKey: .agentPID)
        case .nodeReady, .nodeDrained, .finished, .untyped: break
        case .nodeLost(_, let cause): try cause.encode(to: encoder)
        case .outOfMemory(_, let name, let evidence, let load):
            try fields.encode(name, forKey: .name)
            try fields.encode(evidence, forKey: .evidence)
            try load.encode(to: encoder)
        case .suspicion(_, let side, let silence):
            try fields.encode(side, forKey: .side)
            try fields.encode(silence, forKey: .seconds)
        case .aborted(let ended, let reason):
            try fields.encode(ended, forKey: .generation)
            try fields.encode(reason, forKey: .reason)
        case .planned(let plan): try plan.encode(to: encoder)
        case .prepared(let generation, let nodes):
            try fields.encode(generation, forKey: .generation)
            try fields.encode(nodes, forKey: .nodes)
        case .resumed(let generation): try fields.encode(generation, forKey: .generation)
        case .committed(let step, let loss, let isSkipped):
            try fields.encode(step, forKey: .committedStep)
            try fields.encode(number: loss, forKey: .loss)
            try fields.encode(isSkipped, forKey: .skipped)
        case .proven(let step):
            try fields.encode(step, forKey: .committedStep)
            try fields.encode(true, forKey: .proven)
        case .evaluated(let result): try result.encode(to: encoder)
        case .recovered(let record): try record.encode(to: encoder)
        case .warning(let warning): try warning.encode(to: encoder)
        case .refused(let refusal): try refusal.encode(to: encoder)
        case .stopping(let reason, let end):
            try fields.encode(reason, forKey: .reason)
            try end.encode(to: encoder)
        case .stopped(let reason), .checkpointDamaged(_, let reason), .waitingForNodes(let reason):
            try fields.encode(reason, forKey: .reason)
        case .checkpointRequested(let request): try request.encode(to: encoder)
        case .checkpointSaved(let saved): try saved.encode(to: encoder)
        case .checkpointFailed(let failed): try failed.encode(to: encoder)
        case .restored(let record): try record.encode(to: encoder)
        case .skipped(let skipped): try skipped.encode(to: encoder)
        case .damaged(let damage): try damage.encode(to: encoder)
        case .slow(_, let slowness): try slowness?.encode(to: encoder)
        case .rebalanced(let before, let after):
            try fields.encode(before, forKey: .predictedBeforeSeconds)
            try fields.encode(after, forKey: .predictedAfterSeconds)
        case .setAside(_, let slowness, let without, let with):
            try slowness.encode(to: encoder)
            try fields.encode(with, forKey: .predictedBeforeSeconds)
            try fields.encode(without, forKey: .predictedAfterSeconds)
        case .restarted(let term, let decay):
            try fields.encode(term, forKey: .term)
            try decay?.encode(to: encoder)
        case .isolated(let cause): try cause.encode(to: encoder)
        case .reconnected(let who): try who.encode(to: encoder)
        case .storageTrouble(let trouble): try trouble.encode(to: encoder)
        case .storageRestored(let time, let wasSlow):
            try fields.encode(time, forKey: .afterSeconds)
            try fields.encode(wasSlow ? "slow" : "failing", forKey: .cause)
        }
    }
}
