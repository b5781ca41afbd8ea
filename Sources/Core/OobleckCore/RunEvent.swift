/// Something that happened in a run (`events.jsonl`, one line), without the time, which the
/// recorder adds.
package struct RunEvent: Hashable, Sendable, Codable {
    /// What kind of thing happened.
    package enum Kind: String, Sendable, Codable {
        case nodeJoined = "node-joined"
        case nodeReady = "node-ready"
        case nodeLost = "node-lost"
        case nodeDrained = "node-drained"
        /// A worker ran out of memory; its load is not placed on that node again.
        case outOfMemory = "out-of-memory"
        case suspicion
        case aborted
        case planned
        case prepared
        case resumed
        case committed
        /// The loss of the validation data was measured.
        case evaluated
        case recovered
        case warning
        case refused
        case finished
        /// Someone asked that the run ends at the next step boundary.
        case stopping
        case stopped
        /// Someone asked for a checkpoint.
        case checkpointRequested = "checkpoint-requested"
        case checkpointSaved = "checkpoint-saved"
        case checkpointFailed = "checkpoint-failed"
        case checkpointDamaged = "checkpoint-damaged"
        case waitingForNodes = "waiting-for-nodes"
        case restored
        case skipped
        case damaged
        case slow
        case rebalanced
        case evicted
        /// A coordinator took over from an earlier one.
        case restarted
        /// More than f nodes became silent at once: the coordinator assumes that it is cut off
        /// itself.
        case isolated
        /// The run continues after a restart of the coordinator, or after a cut.
        case reconnected
        /// A required record cannot be written: the run waits.
        case storageTrouble = "storage-trouble"
        /// The record was written, and the run continues.
        case storageRestored = "storage-restored"
    }

    package var kind: Kind
    package var generation: Generation
    package var step: Int
    package var node: NodeID?
    /// One line for people.
    package var message: String

    package init(
        kind: Kind,
        generation: Generation,
        step: Int,
        node: NodeID? = nil,
        message: String
    ) {
        self.kind = kind
        self.generation = generation
        self.step = step
        self.node = node
        self.message = message
    }
}
