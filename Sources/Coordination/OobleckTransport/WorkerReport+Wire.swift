import Foundation
import OobleckCoordination
import OobleckCore
import OobleckWire
import SwiftProtobuf

/// What a message of a session was, after its hello or before.
package enum ReceivedReport<Report: Hashable & Sendable>: Hashable, Sendable {
    case hello(SessionHello)
    case report(NodeID, Report)
}

extension WireWorkerReport {
    package init(hello: SessionHello) {
        self.init()
        node = Int64(hello.node?.rawValue ?? -1)
        self.hello = WireHello(hello)
    }

    package init(_ report: WorkerReport, node: NodeID) {
        self.init()
        self.node = Int64(node.rawValue)
        switch report {
        case .heartbeat: heartbeat = WireHeartbeat()
        case .message(let message): content = OneOf_Content(message)
        }
    }

    /// Throws one line that names the message when it makes no sense.
    package func report() throws -> ReceivedReport<WorkerReport> {
        guard let content else { throw malformed("WorkerReport", "has no content") }
        if case .hello(let hello) = content { return .hello(try hello.hello()) }
        let node = NodeID(try index(node, "WorkerReport.node"))
        if case .heartbeat = content { return .report(node, .heartbeat) }
        return .report(node, .message(try content.message()))
    }
}

extension WireWorkerReport.OneOf_Content {
    fileprivate init(_ message: WorkerMessage) {
        switch message {
        case .ready(let corpus, let model, let arithmetic, let validation):
            self = .ready(
                .with {
                    $0.validationDigest = validation
                    $0.corpusDigest = corpus
                    $0.modelDigest = model
                    if let arithmetic { $0.arithmetic = WireArithmetic(arithmetic) }
                }
            )
        case .prepared(let report):
            self = .prepared(
                .with {
                    $0.generation = Int64(report.generation.rawValue)
                    $0.rebuildSeconds = report.rebuild.value
                    $0.transferSeconds = report.transfer.value
                    $0.receivedBytes = Int64(report.received.value)
                    $0.fingerprint = report.fingerprint ?? ""
                    if let abandoned = report.abandoned {
                        $0.abandoned = .with {
                            $0.step = Int64(abandoned.step)
                            $0.elapsedSeconds = abandoned.elapsed.value
                            $0.waitedSeconds = abandoned.waited.value
                        }
                    }
                }
            )
        case .resumed(let generation, let step):
            self = .resumed(
                .with {
                    $0.generation = Int64(generation.rawValue)
                    $0.step = Int64(step)
                }
            )
        case .vote(let vote): self = .vote(WireVote(vote))
        case .evaluated(let report): self = .evaluated(WireEvaluation(report))
        case .faulted(let generation, let message, let findings):
            self = .faulted(
                .with {
                    $0.generation = Int64(generation.rawValue)
                    $0.message = message
                    $0.unreached = findings.unreached.map { Int64($0.rawValue) }
                    $0.damagedLayers = findings.damagedLayers.sorted().map(Int32.init)
                }
            )
        case .failed(let status, let message):
            self = .failed(
                .with {
                    $0.exitStatus = status
                    $0.message = message
                }
            )
        case .rendezvous(let rendezvous): self = .rendezvous(WireRendezvousKey(rendezvous))
        case .digests(let generation, let digests):
            self = .digests(
                .with {
                    $0.generation = Int64(generation.rawValue)
                    $0.digests = byWireIndex(digests)
                }
            )
        case .layerChunk(let chunk): self = .layerChunk(WireChunk(chunk))
        case .shard(let report): self = .shard(WireShard(report))
        case .restoreFailed(let failure):
            self = .restoreFailed(
                .with {
                    $0.generation = Int64(failure.generation.rawValue)
                    $0.step = Int64(failure.step)
                    $0.message = failure.message
                }
            )
        }
    }

    fileprivate func message() throws -> WorkerMessage {
        switch self {
        case .hello, .heartbeat:
            preconditionFailure("handled by the caller")
        case .ready(let ready):
            return .ready(
                corpusDigest: try bounded(
                    ready.corpusDigest,
                    WireBounds.digestBytes,
                    "Ready.corpus_digest"
                ),
                modelDigest: try bounded(
                    ready.modelDigest,
                    WireBounds.digestBytes,
                    "Ready.model_digest"
                ),
                arithmetic: ready.hasArithmetic ? try ready.arithmetic.arithmetic() : nil,
                validationDigest: try bounded(
                    ready.validationDigest,
                    WireBounds.digestBytes,
                    "Ready.validation_digest"
                )
            )
        case .prepared(let prepared):
            return .prepared(
                PreparationReport(
                    generation: try generation(prepared.generation, "Prepared"),
                    rebuild: measured(prepared.rebuildSeconds),
                    transfer: measured(prepared.transferSeconds),
                    received: ByteCount(try index(prepared.receivedBytes, "Prepared.received")),
                    abandoned: prepared.hasAbandoned ? try prepared.abandoned.abandoned() : nil,
                    fingerprint: prepared.fingerprint.isEmpty
                        ? nil
                        : try bounded(
                            prepared.fingerprint,
                            WireBounds.digestBytes,
                            "Prepared.fingerprint"
                        )
                )
            )
        case .resumed(let resumed):
            return .resumed(
                generation: try generation(resumed.generation, "Resumed"),
                step: try index(resumed.step, "Resumed.step")
            )
        case .vote(let vote): return .vote(try vote.vote())
        case .evaluated(let evaluation): return .evaluated(try evaluation.report())
        case .faulted(let fault):
            return .faulted(
                generation: try generation(fault.generation, "Fault"),
                message: line(fault.message),
                try fault.findings()
            )
        case .failed(let failure):
            return .failed(exitStatus: failure.exitStatus, message: line(failure.message))
        case .rendezvous(let key): return .rendezvous(try key.rendezvous())
        case .digests(let digests):
            return .digests(
                generation: try generation(digests.generation, "Digests"),
                digests: try byIndex(digests.digests, "Digests.digests").mapValues {
                    try bounded($0, WireBounds.digestBytes, "Digests.digests")
                }
            )
        case .layerChunk(let chunk): return .layerChunk(try chunk.chunk())
        case .shard(let shard): return .shard(try shard.report())
        case .restoreFailed(let failure):
            return .restoreFailed(
                RestoreFailure(
                    generation: try generation(failure.generation, "RestoreFailure"),
                    step: try index(failure.step, "RestoreFailure.step"),
                    message: failure.message
                )
            )
        }
    }
}

extension WireVote {
    fileprivate init(_ vote: StepVote) {
        self.init()
        generation = Int64(vote.generation.rawValue)
        step = Int64(vote.step)
        squaredNorms = byWireIndex(vote.squaredNorms)
        losses = byWireIndex(vote.losses)
        targetCounts = byWireIndex(vote.targetCounts.mapValues(Int64.init))
        busySeconds = vote.busy.value
        nonFiniteOutputs = vote.nonFinite.outputs.sorted().map(Int32.init)
        nonFiniteGradients = vote.nonFinite.gradients.sorted().map(Int32.init)
        layerSeconds = byWireIndex(vote.layerTimes.mapValues(\.value))
        stateDigests = byWireIndex(vote.state.digests)
        alteredLayers = vote.state.altered.sorted().map(Int32.init)
        if let check = vote.spotCheck {
            spotCheck = .with {
                $0.layer = Int32(check.layer)
                $0.digest = check.digest
            }
        }
        times = .with {
            $0.elapsedSeconds = vote.times.elapsed.value
            $0.neighbourWaitSeconds = vote.times.neighbourWait.value
            $0.sumWaitSeconds = vote.times.sumWait.value
            $0.updateSeconds = vote.times.update.value
            $0.memoryBytes = Int64(vote.times.memory.value)
        }
    }

    fileprivate func vote() throws -> StepVote {
        StepVote(
            generation: try OobleckTransport.generation(generation, "Vote"),
            step: try index(step, "Vote.step"),
            squaredNorms: try byIndex(squaredNorms, "Vote.squared_norms"),
            losses: try byIndex(losses, "Vote.losses"),
            targetCounts: try byIndex(targetCounts, "Vote.target_counts").mapValues {
                try index($0, "Vote.target_counts")
            },
            busy: measured(busySeconds),
            nonFinite: NonFiniteLayers(
                outputs: try layers(nonFiniteOutputs, "Vote.non_finite_outputs"),
                gradients: try layers(nonFiniteGradients, "Vote.non_finite_gradients")
            ),
            layerTimes: try byIndex(layerSeconds, "Vote.layer_seconds").mapValues(measured),
            state: StateObservation(
                digests: try byIndex(stateDigests, "Vote.state_digests"),
                altered: try layers(alteredLayers, "Vote.altered_layers")
            ),
            spotCheck: hasSpotCheck
                ? SpotCheck(
                    layer: try index(Int64(spotCheck.layer), "SpotCheck.layer"),
                    digest: spotCheck.digest
                ) : nil,
            times: WorkerTimes(
                elapsed: measured(times.elapsedSeconds),
                neighbourWait: measured(times.neighbourWaitSeconds),
                sumWait: measured(times.sumWaitSeconds),
                update: measured(times.updateSeconds),
                memory: ByteCount(Int(max(0, times.memoryBytes)))
            )
        )
    }

    private func layers(_ numbers: [Int32], _ name: String) throws -> Set<Int> {
        Set(try numbers.map { try index(Int64($0), name) })
    }
}

extension WireEvaluation {
    fileprivate init(_ report: EvaluationReport) {
        self.init()
        generation = Int64(report.generation.rawValue)
        step = Int64(report.step)
        microbatches = Int64(report.microbatches)
        losses = byWireIndex(report.losses)
        targetCounts = byWireIndex(report.targetCounts.mapValues(Int64.init))
    }

    fileprivate func report() throws -> EvaluationReport {
        EvaluationReport(
            generation: try OobleckTransport.generation(generation, "Evaluation"),
            step: try index(step, "Evaluation.step"),
            microbatches: try index(microbatches, "Evaluation.microbatches"),
            losses: try byIndex(losses, "Evaluation.losses"),
            targetCounts: try byIndex(targetCounts, "Evaluation.target_counts").mapValues {
                try index($0, "Evaluation.target_counts")
            }
        )
    }
}

extension WireFault {
    fileprivate func findings() throws -> FaultFindings {
        guard max(unreached.count, damagedLayers.count) <= WireBounds.entries else {
            throw malformed(
                "Fault",
                "names more than \(counted(WireBounds.entries, "node")) or layers"
            )
        }
        return FaultFindings(
            unreached: try unreached.map { NodeID(try index($0, "Fault.unreached")) },
            damagedLayers: Set(
                try damagedLayers.map { try index(Int64($0), "Fault.damaged_layers") }
            )
        )
    }
}

extension WireChunk {
    fileprivate init(_ chunk: LayerChunk) {
        self.init()
        generation = Int64(chunk.generation.rawValue)
        layer = Int64(chunk.layer)
        content = Data(chunk.bytes)
        isLast = chunk.isLast
    }

    fileprivate func chunk() throws -> LayerChunk {
        LayerChunk(
            generation: try OobleckTransport.generation(generation, "Chunk"),
            layer: try index(layer, "Chunk.layer"),
            bytes: Array(content),
            isLast: isLast
        )
    }
}

extension WireAbandonedTry {
    fileprivate func abandoned() throws -> AbandonedTry {
        AbandonedTry(
            step: try index(step, "AbandonedTry.step"),
            elapsed: measured(elapsedSeconds),
            waited: measured(waitedSeconds)
        )
    }
}
