import Foundation
import OobleckCore
import Synchronization

/// A single worker with a substitute for the coordinator that commits every step at once.
///
/// It measures the arithmetic of a job in one process, without a control plane (benchmarks,
/// profiling).
package final class SoloRun: ControlLink {
    private struct State {
        var commitTimes: [ContinuousClock.Instant] = []
        var losses: [Double] = []
        var layerDigests: [Int: String] = [:]
        var failure: OobleckError?
    }

    private let job: JobSpecification
    private let digestsState: Bool
    private let state = Mutex(State())
    private let worker = Mutex<Worker?>(nil)

    /// A run of `job` that ends after its steps.
    ///
    /// `digestsState` asks for the digests of the final state, which takes time (``layerDigests``).
    package init(job: JobSpecification, digestsState: Bool = false) {
        self.job = job
        self.digestsState = digestsState
    }

    /// Digests of the final state by layer, where they were asked for.
    package var layerDigests: [String] {
        state.withLock { state in
            state.layerDigests.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    /// Runs the job; returns the seconds between commits and the steps' losses.
    package func run() throws -> (stepTimes: [Seconds], losses: [Double]) {
        let worker = Worker(0, host: "127.0.0.1", link: self)
        self.worker.withLock { $0 = worker }
        worker.receive(.job(job))
        _ = worker.run()
        self.worker.withLock { $0 = nil }
        let state = state.withLock { $0 }
        if let failure = state.failure { throw failure }
        let times = zip(state.commitTimes, state.commitTimes.dropFirst()).map { first, second in
            let (whole, fraction) = (second - first).components
            return Seconds(Double(whole) + Double(fraction) * 1e-18)
        }
        return (times, state.losses)
    }

    /// One pipeline of one stage.
    private var reconfiguration: Reconfiguration {
        let layerCount = job.model.layerCount
        let stage = StageTemplate(
            firstLayer: 0,
            endLayer: layerCount,
            node: 0,
            devices: 1,
            forward: 0,
            backward: 0
        )
        let pipeline = Pipeline(
            templateNodes: 1,
            nodes: [0],
            microbatches: job.training.microbatchCount,
            pipelineTime: 0
        )
        return Reconfiguration(
            plan: ExecutionPlan(
                generation: 0,
                stepTime: 0,
                synchronizationTime: 0,
                pipelines: [pipeline]
            ),
            templates: [PipelineTemplate(nodes: 1, iteration: 0, stages: [stage])],
            committedSteps: 0,
            transfers: []
        )
    }

    package func send(_ message: WorkerMessage) {
        guard let worker = worker.withLock({ $0 }) else { return }
        switch message {
        case .ready:
            worker.receive(.reconfigure(reconfiguration))
        case .prepared:
            worker.receive(.resume(generation: 0, step: 0))
        case .vote(let vote):
            let isLast = vote.step + 1 >= job.training.steps
            let record = record(vote)
            state.withLock { state in
                state.commitTimes.append(.now)
                state.losses.append(record.loss)
            }
            worker.receive(.commit(job.commit(of: record, pauses: isLast)))
            guard isLast else { return }
            if digestsState { worker.receive(.collect(generation: 0, upload: [])) }
            worker.receive(.stop(reason: "done"))
        case .digests(_, let digests): state.withLock { $0.layerDigests = digests }
        case .failed(let status, let message):
            state.withLock {
                $0.failure = OobleckError(OobleckError.Code(exitStatus: status), message)
            }
            worker.receive(.stop(reason: message))
        case .resumed, .evaluated, .faulted, .rendezvous, .layerChunk, .shard,
            .restoreFailed:
            break
        }
    }

    private func record(_ vote: StepVote) -> CommittedStep {
        let batch = job.training.globalBatch
        let targets =
            vote.targetCounts.isEmpty ? nil : vote.targetCounts.values.reduce(0, +)
        let loss = vote.losses.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value }
        let squares = vote.squaredNorms.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value }
        return CommittedStep(
            step: vote.step,
            generation: 0,
            firstSample: vote.step * batch,
            endSample: (vote.step + 1) * batch,
            loss: loss / Double(targets ?? vote.losses.count),
            gradientNorm: squares.squareRoot() * job.gradientCorrection(targets: targets),
            skipped: targets == 0 ? CommittedStep.withoutTargets : nil,
            targets: targets
        )
    }
}
