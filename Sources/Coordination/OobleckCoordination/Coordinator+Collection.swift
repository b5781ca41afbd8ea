import OobleckCore

/// The final state on its way to the run directory.
struct LayerCollection: Sendable {
    /// Carried by its messages; grows whenever the collection has to start over.
    var generation: Generation
    /// Which worker uploads which layer, of those not stored yet.
    var uploaders: [Int: WorkerID] = [:]
    /// Layers whose last chunk has been handed to the store.
    var stored: Set<Int> = []
    /// Digest of each layer, and who reported it first.
    var digests: [Int: (value: String, worker: WorkerID)] = [:]
    /// Workers that have reported all their digests.
    var reported: Set<WorkerID> = []
    /// When something arrived last.
    var progress: Seconds

    func isOwed(by worker: WorkerID) -> Bool {
        !reported.contains(worker)
            || uploaders.contains { $0.value == worker && !stored.contains($0.key) }
    }
}

/// After the last step: every holder of a layer reports its digest, and one of them uploads it.
///
/// Chunks reach the store as ``CoordinatorDirective/store(_:)`` in order. When a node is lost
/// meanwhile, the layers not completely stored are collected anew under a fresh generation: the
/// store drops what it has of a layer when a chunk of a higher generation than the layer's chunks
/// before arrives. A layer is complete with the chunk that `isLast`, and never sent again.
extension Coordinator {
    mutating func beginCollection(now: Seconds) {
        guard let plan else { return }
        phase = .collecting(LayerCollection(generation: plan.generation, progress: now))
        askForLayers()
    }

    /// Collects what the nodes hold, without a plan in force.
    mutating func collectHeldLayers(now: Seconds) {
        let collection = LayerCollection(generation: lastGeneration ?? 0, progress: now)
        // Before the phase changes: a return to a checkpoint that has begun is continued.
        guard !waitForLostLayers(of: collection, now: now) else { return }
        phase = .collecting(collection)
        collectAgain(now: now)
    }

    /// Goes on with collecting after a loss: training is never redone.
    mutating func collectAgain(now: Seconds) {
        guard let collection, !waitForLostLayers(of: collection, now: now) else { return }
        phase.whileCollecting { $0.progress = now }
        guard !finishIfCollected() else { return }
        let generation = lastGeneration?.next ?? 0
        lastGeneration = generation
        perform(.persist(.numbered(generation)))
        phase.whileCollecting { $0.generation = generation }
        askForLayers()
    }

    /// Waits for nodes if layers that are not stored have no holder any more; returns whether it does.
    private mutating func waitForLostLayers(of collection: LayerCollection, now: Seconds) -> Bool {
        let lost = profile.layers.indices.filter { layer in
            let isKnown = collection.stored.contains(layer) && collection.digests[layer] != nil
            return !isKnown && holders(of: layer).isEmpty
        }
        guard !lost.isEmpty else { return false }
        let why = "their last holder died while the final state was collected"
        let error = OobleckError(.outOfNodes, "\(describe(lost)) lost: \(why)")
        waitForNodes(because: error, now: now)
        return true
    }

    /// Living workers that hold a layer, in ascending order.
    private func holders(of layer: Int) -> [WorkerID] {
        workersWithState.filter { known($0)?.holdings.contains(layer) == true }
    }

    /// Living workers that hold any layer, in ascending order.
    private var workersWithState: [WorkerID] {
        usableNodes.flatMap { connectedWorkers(of: $0) }
            .filter { known($0)?.holdings.isEmpty == false }
    }

    /// Has each layer not stored yet uploaded by one of its holders, the largest layers first, each
    /// by the holder with the fewest bytes so far.
    private mutating func askForLayers() {
        guard let collection else { return }
        let missing = profile.layers.indices.filter { !collection.stored.contains($0) }
        let uploaders = spread(missing, over: holders)
        phase.whileCollecting { $0.uploaders = uploaders }
        for worker in workersWithState {
            let upload = uploaders.filter { $0.value == worker }.keys.sorted()
            send(.collect(generation: collection.generation, upload: upload), to: worker)
        }
    }

    mutating func receive(
        _ digests: [Int: String],
        generation: Generation,
        from worker: WorkerID,
        now: Seconds
    ) {
        guard let collection, collection.generation == generation,
            let held = known(worker)?.holdings, !held.isEmpty
        else { return dropStale() }
        guard Set(digests.keys) == held else {
            let what = "node \(worker) reported digests of layers \(digests.keys.sorted())"
            return stop(OobleckError(.internalFault, "\(what), it holds \(held.sorted())"))
        }
        for (layer, value) in digests.sorted(by: { $0.key < $1.key }) {
            if let first = collection.digests[layer], first.value != value {
                let what =
                    "nodes \(first.worker) and \(worker) disagree on the final state of layer"
                let values = "digests \(first.value) and \(value)"
                return stop(OobleckError(.internalFault, "\(what) \(layer): \(values)"))
            }
            phase.whileCollecting {
                $0.digests[layer] = collection.digests[layer] ?? (value, worker)
            }
        }
        phase.whileCollecting {
            $0.reported.insert(worker)
            $0.progress = now
        }
        finishIfCollected()
    }

    mutating func receive(_ chunk: LayerChunk, from worker: WorkerID, now: Seconds) {
        guard let collection, collection.generation == chunk.generation,
            collection.uploaders[chunk.layer] == worker, !collection.stored.contains(chunk.layer)
        else { return dropStale() }
        perform(.store(chunk))
        phase.whileCollecting { $0.progress = now }
        guard chunk.isLast else { return }
        phase.whileCollecting { $0.stored.insert(chunk.layer) }
        finishIfCollected()
    }

    /// Ends the run when every layer is stored and every holder has reported.
    @discardableResult
    private mutating func finishIfCollected() -> Bool {
        guard let collection, collection.stored.count == profile.layers.count,
            collection.reported.isSuperset(of: workersWithState)
        else { return false }
        let digests = profile.layers.indices.compactMap { collection.digests[$0]?.value }
        guard digests.count == profile.layers.count else { return false }
        finish(layerDigests: digests)
        return true
    }
}
