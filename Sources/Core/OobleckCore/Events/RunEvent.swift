/// Something that happened in a run, without the time, which is added where it is recorded.
///
/// A line of `events.jsonl` (`Documentation/Events.md`) carries the fields of ``content`` and the sentence
/// ``message``, which is derived from them.
package struct RunEvent: Hashable, Sendable {
    /// The newest plan's generation when it happened.
    package var generation: Generation
    /// Steps that were committed when it happened.
    package var step: Int
    package var content: Content

    package init(generation: Generation, step: Int, _ content: Content) {
        self.generation = generation
        self.step = step
        self.content = content
    }

    package var kind: Kind { content.kind }

    /// The one node that it concerns, if it concerns one.
    package var node: NodeID? { content.node }
}

extension RunEvent {
    /// What kind of thing happened, by its name in the file.
    ///
    /// Open: a file of another version may have kinds that this program does not know.
    package struct Kind: RawRepresentable, Hashable, Sendable {
        package let rawValue: String

        package init(rawValue: String) { self.rawValue = rawValue }

        private init(_ rawValue: String) { self.rawValue = rawValue }

        package static let nodeJoined = Kind("node-joined")
        package static let nodeReady = Kind("node-ready")
        package static let nodeLost = Kind("node-lost")
        package static let nodeDrained = Kind("node-drained")
        /// A worker ended because its memory did; what it held is not placed there again.
        package static let outOfMemory = Kind("out-of-memory")
        package static let suspicion = Kind("suspicion")
        package static let aborted = Kind("aborted")
        package static let planned = Kind("planned")
        package static let prepared = Kind("prepared")
        package static let resumed = Kind("resumed")
        package static let committed = Kind("committed")
        /// The loss of the validation data was measured.
        package static let evaluated = Kind("evaluated")
        package static let recovered = Kind("recovered")
        package static let warning = Kind("warning")
        package static let refused = Kind("refused")
        package static let finished = Kind("finished")
        /// Someone asked that the run ends at the next step boundary.
        package static let stopping = Kind("stopping")
        package static let stopped = Kind("stopped")
        /// Someone asked for a checkpoint.
        package static let checkpointRequested = Kind("checkpoint-requested")
        package static let checkpointSaved = Kind("checkpoint-saved")
        package static let checkpointFailed = Kind("checkpoint-failed")
        package static let checkpointDamaged = Kind("checkpoint-damaged")
        package static let waitingForNodes = Kind("waiting-for-nodes")
        package static let restored = Kind("restored")
        package static let skipped = Kind("skipped")
        package static let damaged = Kind("damaged")
        package static let slow = Kind("slow")
        package static let rebalanced = Kind("rebalanced")
        /// A slow node is left idle, because the others are faster without it.
        package static let setAside = Kind("set-aside")
        /// A coordinator took over from an earlier one.
        package static let restarted = Kind("restarted")
        /// More than f nodes fell silent at once: the coordinator takes itself for cut off.
        package static let isolated = Kind("isolated")
        /// After a restart of the coordinator, or a cut, training continues.
        package static let reconnected = Kind("reconnected")
        /// Something that must be kept cannot be written: the run waits.
        package static let storageTrouble = Kind("storage-trouble")
        /// It could be written, and training continues.
        package static let storageRestored = Kind("storage-restored")

        /// All kinds that this program records.
        package static let all: [Kind] = [
            .nodeJoined, .nodeReady, .nodeLost, .nodeDrained, .outOfMemory, .suspicion, .aborted,
            .planned, .prepared, .resumed, .committed, .evaluated, .recovered, .warning, .refused,
            .finished, .stopping, .stopped, .checkpointRequested, .checkpointSaved,
            .checkpointFailed, .checkpointDamaged, .waitingForNodes, .restored, .skipped, .damaged,
            .slow, .rebalanced, .setAside, .restarted, .isolated, .reconnected, .storageTrouble,
            .storageRestored,
        ]
    }
}
