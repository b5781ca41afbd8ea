/// How one failure was survived (`result.json`, `recoveries`).
package struct RecoveryRecord: Hashable, Sendable, Codable {
    package var step: Int
    package var lostNodes: [NodeID]
    package var detect: Seconds
    package var decide: Seconds
    package var rebuild: Seconds
    package var transfer: Seconds
    package var transferBytes: ByteCount
    /// From the first sign of the failure to the start of the redone step on every worker.
    package var total: Seconds
    package var reason: String

    package init(
        step: Int,
        lostNodes: [NodeID],
        detect: Seconds,
        decide: Seconds,
        rebuild: Seconds,
        transfer: Seconds,
        transferBytes: ByteCount,
        total: Seconds,
        reason: String
    ) {
        self.step = step
        self.lostNodes = lostNodes
        self.detect = detect
        self.decide = decide
        self.rebuild = rebuild
        self.transfer = transfer
        self.transferBytes = transferBytes
        self.total = total
        self.reason = reason
    }

    private enum CodingKeys: String, CodingKey {
        case step
        case lostNodes = "lost_nodes"
        case detect = "detect_seconds"
        case decide = "decide_seconds"
        case rebuild = "rebuild_seconds"
        case transfer = "transfer_seconds"
        case transferBytes = "transfer_bytes"
        case total = "total_seconds"
        case reason
    }
}

/// How a run restored a checkpoint (`result.json`, `restores`).
package struct RestoreRecord: Hashable, Sendable, Codable {
    /// Committed steps before and after.
    package var fromStep: Int
    package var step: Int
    package var stateSHA256: String
    /// Why: what was lost.
    package var reason: String
    /// From the loss until every worker had its layers.
    package var total: Seconds
    /// The longest that one worker took to load its layers.
    package var load: Seconds
    package var loadedBytes: ByteCount

    package init(
        fromStep: Int,
        step: Int,
        stateSHA256: String,
        reason: String,
        total: Seconds,
        load: Seconds,
        loadedBytes: ByteCount
    ) {
        self.fromStep = fromStep
        self.step = step
        self.stateSHA256 = stateSHA256
        self.reason = reason
        self.total = total
        self.load = load
        self.loadedBytes = loadedBytes
    }

    private enum CodingKeys: String, CodingKey {
        case fromStep = "from_step"
        case step
        case stateSHA256 = "state_sha256"
        case reason
        case total = "total_seconds"
        case load = "load_seconds"
        case loadedBytes = "loaded_bytes"
    }
}

/// The result of a finished run (`result.json`).
package struct RunResult: Hashable, Sendable, Codable {
    package var steps: Int
    /// Loss of the last step that was not skipped; `nil`, and `null` in the file, when all were.
    package var finalLoss: Double?
    /// Digest of parameters and optimizer state of all layers in layer order.
    package var stateSHA256: String
    package var failures: Int
    package var reconfigurations: Int
    package var samplesCommitted: Int
    package var samplesRepeated: Int
    package var recoveries: [RecoveryRecord]
    /// Returns to a checkpoint; `nil` without any.
    package var restores: [RestoreRecord]?
    /// Loss of the final state on the validation data; `nil` in a run without, or when it is no number.
    package var validationLoss: Double?

    package init(
        steps: Int,
        finalLoss: Double?,
        stateSHA256: String,
        failures: Int,
        reconfigurations: Int,
        samplesCommitted: Int,
        samplesRepeated: Int,
        recoveries: [RecoveryRecord],
        restores: [RestoreRecord]? = nil
    ) {
        self.steps = steps
        self.finalLoss = finalLoss
        self.stateSHA256 = stateSHA256
        self.failures = failures
        self.reconfigurations = reconfigurations
        self.samplesCommitted = samplesCommitted
        self.samplesRepeated = samplesRepeated
        self.recoveries = recoveries
        self.restores = restores
    }

    /// The final loss as messages show it.
    package var lossForPeople: String { finalLoss.map(numberForPeople) ?? "unknown" }

    private enum CodingKeys: String, CodingKey {
        case steps
        case finalLoss = "final_loss"
        case stateSHA256 = "state_sha256"
        case failures
        case reconfigurations
        case samplesCommitted = "samples_committed"
        case samplesRepeated = "samples_repeated"
        case recoveries
        case restores
        case validationLoss = "validation_loss"
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(steps, forKey: .steps)
        // Written also when it is unknown, so that readers of the file always find the field.
        try fields.encode(finalLoss, forKey: .finalLoss)
        try fields.encode(stateSHA256, forKey: .stateSHA256)
        try fields.encode(failures, forKey: .failures)
        try fields.encode(reconfigurations, forKey: .reconfigurations)
        try fields.encode(samplesCommitted, forKey: .samplesCommitted)
        try fields.encode(samplesRepeated, forKey: .samplesRepeated)
        try fields.encode(recoveries, forKey: .recoveries)
        try fields.encodeIfPresent(restores, forKey: .restores)
        try fields.encodeIfPresent(validationLoss, forKey: .validationLoss)
    }
}
