import OobleckClock
import OobleckCore
import OobleckModels
import OobleckTensor

/// Runs one worker's share of an evaluation: forward passes of its stage over the validation data, without
/// dropout.
///
/// Each global batch is divided among the pipelines as in a step. A microbatch's loss is the same bits
/// wherever it is computed.
final class EvaluationRunner {
    /// Microbatches that a stage may be ahead of the next.
    private static let depth = 2

    private let assignment: StageAssignment
    private let computation: StageComputation
    private let source: MicrobatchSource
    private let resources: GenerationResources
    private let step: Int
    private let batches: Int
    private let microbatchCount: Int
    private var receives: ReceiveQueue?
    private var sends: SendQueue?
    /// When the global batch in hand was begun.
    private(set) var begun = MonotonicTime.now
    /// Time in which this worker has waited for others since, a wait that was cut short included.
    private(set) var waited = Seconds.zero

    /// `group` is the pipeline's; a pipeline of one stage has none.
    init(
        job: JobSpecification,
        computation: StageComputation,
        assignment: StageAssignment,
        validation: Trainer.Validation,
        resources: GenerationResources,
        group: CommunicationGroup?,
        step: Int
    ) throws {
        self.assignment = assignment
        self.computation = computation
        self.resources = resources
        self.step = step
        source = validation.source
        batches = validation.batches
        microbatchCount = job.training.microbatchCount
        guard let group else { return }
        if !assignment.isFirstStage {
            receives = try ReceiveQueue(
                group: group,
                peer: assignment.stage - 1,
                direction: .activations,
                tensors: computation.model.received(
                    byLayer: assignment.layers.lowerBound,
                    samples: job.training.microbatch
                ),
                precision: job.training.precision,
                count: batches * assignment.microbatches.count
            )
        }
        if !assignment.isLastStage {
            sends = SendQueue(
                group: group,
                peer: assignment.stage + 1,
                direction: .activations,
                depth: Self.depth
            )
        }
    }

    /// Runs all batches; after each, `report` is called with what the last stage finds of it, and on the
    /// other stages with nothing.
    func run(report: (EvaluationReport?) -> Void) throws {
        for batch in 0..<batches {
            (begun, waited) = (MonotonicTime.now, .zero)
            let found = try TensorRuntime.evaluating { try evaluate(batch) }
            report(assignment.isLastStage ? found : nil)
        }
        try waiting { try sends?.drain() }
    }

    private func evaluate(_ batch: Int) throws -> EvaluationReport {
        var report = EvaluationReport(
            generation: resources.generation,
            step: step,
            microbatches: batches * microbatchCount,
            losses: [:]
        )
        for microbatch in assignment.microbatches {
            let output = try forward(batch, microbatch)
            guard assignment.isLastStage else { continue }
            let index = batch * microbatchCount + microbatch
            report.losses[index] = try output.tensors[0].item()
            report.targetCounts[index] = try output.targetCount.map(StepRunner.count)
        }
        return report
    }

    /// The passes of the stage's layers over one microbatch, handed on to the next stage.
    private func forward(
        _ batch: Int,
        _ microbatch: Int
    ) throws -> (tensors: [Tensor], targetCount: Tensor?) {
        var tensors = try waiting { try receives?.next() } ?? []
        var targetCount: Tensor?
        let inputs = try source.batch(
            step: batch,
            microbatch: microbatch,
            names: computation.batchNames
        )
        for layer in computation.layers {
            try resources.checkAborted()
            let pass = try computation.naming(layer, "the evaluation after step \(step)") {
                try computation.forward(
                    layer,
                    input: tensors,
                    batch: inputs,
                    step: step,
                    microbatch: microbatch
                )
            }
            (tensors, targetCount) = (pass.outputs, pass.targetCount)
        }
        try waiting { try sends?.send(tensors) }
        return (tensors, targetCount)
    }

    private func waiting<Result>(_ body: () throws -> Result) rethrows -> Result {
        let start = MonotonicTime.now
        defer { waited += MonotonicTime.now - start }
        return try body()
    }
}
