import OobleckCore
import OobleckModels

/// Saving the layers of a worker: to a checkpoint, and as the final state.
extension Trainer {
    /// Copies the layers that a checkpoint wants of this node and has the copies written.
    ///
    /// Copying is all that training waits for.
    func save(_ order: CheckpointOrder) throws {
        let loaded = try requireLoaded()
        if let unfinished = loaded.writer.unfinishedStep {
            let why = "node \(worker) is still writing the checkpoint of step \(unfinished)"
            return loaded.writer.refuse(order, because: why)
        }
        guard order.step == heldSteps, order.layers.allSatisfy({ held[$0] != nil }) else {
            let has = "layers \(held.keys.sorted()) after \(heldSteps) steps"
            return loaded.writer.refuse(
                order,
                because: "node \(worker) holds \(has), not \(order.layers) after \(order.step)"
            )
        }
        let damaged = try damagedLayers(among: order.layers)
        guard damaged.isEmpty else {
            let why = "node \(worker) finds its state of layers \(damaged.sorted()) damaged"
            return loaded.writer.refuse(order, because: why)
        }
        let watch = Stopwatch()
        let copies = try order.layers.compactMap { layer in
            try held[layer].map { (layer, try $0.stateBytes(model: loaded.job.model)) }
        }
        loaded.writer.start(
            CheckpointWriter.Copy(
                order: order,
                model: loaded.job.model,
                layers: copies,
                heldUp: watch.elapsed
            )
        )
    }

    /// Reports the digests of all layers held and uploads some of them.
    ///
    /// A damaged layer is reported as such: another holder has it.
    func collect(_ generation: Generation, upload: [Int]) throws {
        let job = try requireLoaded().job
        sumsPool.clear()
        let damaged = try damagedLayers()
        if !damaged.isEmpty { link.send(report(ofDamaged: damaged, generation)) }
        link.send(
            .digests(
                generation: generation,
                digests: try held.filter { !damaged.contains($0.key) }.mapValues {
                    try $0.digest()
                }
            )
        )
        for layer in upload.sorted() where !damaged.contains(layer) {
            guard let state = held[layer] else {
                throw OobleckError(
                    .internalFault,
                    "asked to upload layer \(layer), which node \(worker) does not hold"
                )
            }
            var upload = LayerUpload(layer: layer, generation: generation, link: link)
            try upload.run(state, model: job.model)
        }
    }

    /// Layers held, or those among `layers`, whose state changed since this worker's own last update.
    func damagedLayers(among layers: [Int]? = nil) throws -> Set<Int> {
        Set(
            try (layers ?? Array(held.keys)).filter { layer in
                try held[layer].map { try !states.isIntact(layer, $0) } ?? false
            }
        )
    }

    func report(ofDamaged layers: Set<Int>, _ generation: Generation) -> WorkerMessage {
        .faulted(
            generation: generation,
            message: "its own state of layers \(layers.sorted()) is damaged",
            FaultFindings(damagedLayers: layers)
        )
    }
}
