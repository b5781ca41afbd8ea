import OobleckCore

/// A worker without any arithmetic: always ready, votes at once.
package struct PromptWorker: Sendable {
    private let id: WorkerID
    private var plan: Reconfiguration?

    package init(_ id: WorkerID) { self.id = id }

    package mutating func answers(to message: CoordinatorMessage) -> [WorkerMessage] {
        switch message {
        case .job: return [.ready(corpusDigest: "c0ffee")]
        case .reconfigure(let reconfiguration):
            plan = reconfiguration
            return [
                .prepared(
                    PreparationReport(
                        generation: reconfiguration.generation,
                        rebuild: 0,
                        transfer: 0,
                        received: 0
                    )
                )
            ]
        case .resume(let generation, let step):
            return [.resumed(generation: generation, step: step), vote(generation, step)]
        case .evaluate(let generation, let step):
            return [
                .resumed(generation: generation, step: step), evaluation(generation, step),
            ]
        case .commit(let commit) where !commit.pauses:
            return [vote(commit.generation, commit.step + 1)]
        case .collect(let generation, let upload):
            return upload.map { layer in
                .layerChunk(
                    LayerChunk(generation: generation, layer: layer, bytes: [1], isLast: true)
                )
            } + [
                .digests(
                    generation: generation,
                    digests: Dictionary(uniqueKeysWithValues: layers.map { ($0, "digest\($0)") })
                )
            ]
        case .checkpoint(let order):
            return order.layers.map { layer in
                let digest = ShardDigest(sha256: "digest\(layer)", fileSHA256: "", bytes: 1)
                return .shard(
                    ShardReport(
                        generation: order.generation,
                        step: order.step,
                        layer: layer,
                        outcome: .written(digest),
                        heldUp: 0
                    )
                )
            }
        case .commit, .abort, .rendezvous, .stop: return []
        }
    }

    private var layers: [Int] { plan?.layersByWorker[id] ?? [] }

    /// The same loss for each microbatch that this worker's pipeline runs, if it has the last stage.
    private func losses(_ loss: Double) -> [Int: Double] {
        var losses: [Int: Double] = [:]
        var first = 0
        for pipeline in plan?.plan.pipelines ?? [] {
            if plan?.workers(of: pipeline).last == id {
                for index in first..<first + pipeline.microbatches { losses[index] = loss }
            }
            first += pipeline.microbatches
        }
        return losses
    }

    private func evaluation(_ generation: Generation, _ step: Int) -> WorkerMessage {
        let pipelines = plan?.plan.pipelines ?? []
        return .evaluated(
            EvaluationReport(
                generation: generation,
                step: step,
                microbatches: pipelines.reduce(0) { $0 + $1.microbatches },
                losses: losses(3)
            )
        )
    }

    private func vote(_ generation: Generation, _ step: Int) -> WorkerMessage {
        .vote(
            StepVote(
                generation: generation,
                step: step,
                squaredNorms: Dictionary(uniqueKeysWithValues: layers.map { ($0, 0.01) }),
                losses: losses(2),
                busy: 0
            )
        )
    }
}
