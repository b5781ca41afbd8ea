/// Orders a worker to copy the state of layers after `step` committed steps, and to write it.
package struct CheckpointOrder: Hashable, Sendable, Codable {
    /// Identifies the save together with `step`.
    package var generation: Generation
    package var step: Int
    /// Absolute path of the folder to write to, which is created if absent; its parent is not.
    package var folder: String
    package var layers: [Int]

    package init(generation: Generation, step: Int, folder: String, layers: [Int]) {
        self.generation = generation
        self.step = step
        self.folder = folder
        self.layers = layers
    }
}

/// The digests and the size of a layer's state file.
package struct ShardDigest: Hashable, Sendable, Codable {
    /// The layer digest: SHA-256 of the file's data section, hexadecimal.
    package var sha256: String
    /// SHA-256 of the whole file.
    package var fileSHA256: String
    /// Bytes of the whole file.
    package var bytes: Int

    package init(sha256: String, fileSHA256: String, bytes: Int) {
        self.sha256 = sha256
        self.fileSHA256 = fileSHA256
        self.bytes = bytes
    }
}

/// The outcome of one layer of a ``CheckpointOrder``.
package struct ShardReport: Hashable, Sendable, Codable {
    package enum Outcome: Hashable, Sendable, Codable {
        /// On the device.
        case written(ShardDigest)
        /// Not written: what was wrong, one line.
        case failed(String)
    }

    package var generation: Generation
    package var step: Int
    package var layer: Int
    package var outcome: Outcome
    /// How long copying all layers of the order held up training on this worker.
    package var heldUp: Seconds

    package init(
        generation: Generation,
        step: Int,
        layer: Int,
        outcome: Outcome,
        heldUp: Seconds
    ) {
        self.generation = generation
        self.step = step
        self.layer = layer
        self.outcome = outcome
        self.heldUp = heldUp
    }
}

/// A published checkpoint to restore.
package struct RestorePoint: Hashable, Sendable, Codable {
    /// Committed steps in it.
    package var step: Int
    /// Absolute path of its folder.
    package var folder: String
    package var stateSHA256: String
    /// Digest of each layer, by layer.
    package var layerSHA256: [String]

    package init(step: Int, folder: String, stateSHA256: String, layerSHA256: [String]) {
        self.step = step
        self.folder = folder
        self.stateSHA256 = stateSHA256
        self.layerSHA256 = layerSHA256
    }
}

/// A worker could not load a layer of the checkpoint that it was told to restore.
package struct RestoreFailure: Hashable, Sendable, Codable {
    package var generation: Generation
    package var step: Int
    /// What was wrong, one line that names the file.
    package var message: String

    package init(generation: Generation, step: Int, message: String) {
        self.generation = generation
        self.step = step
        self.message = message
    }
}

/// What the coordinator asks of the checkpoint store.
package enum CheckpointAction: Hashable, Sendable {
    /// All layers are written: check that, add the manifest, give the folder its name, and remove
    /// what is older than the newest `keep`.
    case publish(CheckpointPublication)
    /// A save failed: remove its files.
    case discard(generation: Generation, step: Int)
    /// Look for the newest checkpoint of this job with at most `atMost` steps.
    case find(atMost: Int, corpusDigest: String?, excluding: Set<Int>)
}

/// A save of which every layer is written.
package struct CheckpointPublication: Hashable, Sendable {
    package var generation: Generation
    package var step: Int
    /// Digest of the corpus that the workers train on.
    package var corpusDigest: String?
    /// By layer.
    package var layers: [ShardDigest]

    package init(
        generation: Generation,
        step: Int,
        corpusDigest: String?,
        layers: [ShardDigest]
    ) {
        self.generation = generation
        self.step = step
        self.corpusDigest = corpusDigest
        self.layers = layers
    }
}

/// What the checkpoint store answers.
package enum CheckpointOutcome: Hashable, Sendable {
    case published(generation: Generation, step: Int)
    /// Not published, and its files are removed: what was wrong, one line.
    case failed(generation: Generation, step: Int, message: String)
    /// Another problem, which does no harm yet.
    case warned(String)
    /// The newest checkpoint that can be restored, and why newer ones cannot.
    case found(RestorePoint?, passedOver: [String])
}

/// A return to a checkpoint: one line of the ledger before it is chained.
package struct RestoredRun: Hashable, Sendable, Codable {
    /// Committed steps in the restored state.
    ///
    /// Earlier lines of later steps no longer count.
    package var step: Int
    package var generation: Generation
    /// Digest of the state restored; ``firstState`` where the run starts again.
    package var stateSHA256: String

    /// Replaces the digest of the state before the first step, which is never computed: that state
    /// follows from the job.
    package static let firstState = "first-state"

    package init(step: Int, generation: Generation, stateSHA256: String) {
        self.step = step
        self.generation = generation
        self.stateSHA256 = stateSHA256
    }
}
