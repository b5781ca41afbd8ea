import OobleckCore
import OobleckData

/// What was measured in one committed step: a line of `metrics.jsonl` (`Documentation/Metrics.md`).
///
/// What is not known is left out of the line.
package struct MetricsLine: Hashable, Sendable {
    /// Steps that were committed, this one included; 0 for the state before the first.
    package var step: Int
    /// Since 1970, when it was committed.
    package var time: Seconds
    package var generation: Generation?
    /// Mean loss of the step; `nil` where it is not finite.
    package var loss: Double?
    /// Loss of the state after the step on the validation data, where it was measured.
    package var validationLoss: Double?
    package var learningRate: Double?
    /// Global norm before clipping; `nil` where it is not finite.
    package var gradientNorm: Double?
    /// Whether the update was left out.
    package var isSkipped = false
    /// Samples, and tokens, of all steps up to this one.
    package var samples: Int?
    package var tokens: Int?
    package var samplesPerSecond: Double?
    package var tokensPerSecond: Double?
    /// From the commit before, or the start of the generation, to this commit.
    package var stepTime: Seconds?
    /// Means over the workers.
    package var compute: Seconds?
    package var wait: Seconds?
    package var synchronization: Seconds?
    package var update: Seconds?
    /// Of the slowest worker.
    package var commit: Seconds?
    package var idleShare: Double?
    /// Share of what the devices could compute at most, by the peak that the job states.
    package var utilization: Double?
    /// The most memory that a worker has had.
    package var memory: ByteCount?
    package var nodes: Int?
    package var pipelines: Int?

    /// A line without measurements.
    package init(step: Int, time: Seconds) {
        self.step = step
        self.time = time
    }

    /// The line of a step of `job`, without what measuring it would tell.
    package init(_ committed: CommittedStep, of job: JobSpecification, time: Seconds) {
        self.init(step: committed.step + 1, time: time)
        generation = committed.generation
        loss = committed.loss.isFinite ? committed.loss : nil
        learningRate = LearningRateSchedule(job.training).rate(step: committed.step)
        gradientNorm = committed.gradientNorm.isFinite ? committed.gradientNorm : nil
        isSkipped = committed.skipped != nil
        samples = committed.endSample
        tokens = job.model.sequenceLength.map { committed.endSample * $0 }
    }

    /// The line of a step of `job` that was measured.
    package init(_ measured: StepMeasurement, of job: JobSpecification, time: Seconds) {
        let committed = measured.committed
        self.init(committed, of: job, time: time)
        let count = Double(committed.endSample - committed.firstSample)
        let sequence = job.model.sequenceLength
        if measured.stepTime > .zero {
            samplesPerSecond = count / measured.stepTime.value
            tokensPerSecond = sequence.map { count * Double($0) / measured.stepTime.value }
        }
        stepTime = measured.stepTime
        (compute, wait) = (measured.compute, measured.wait)
        (synchronization, update) = (measured.synchronization, measured.update)
        (commit, idleShare, memory) = (measured.commit, measured.idleShare, measured.memory)
        (nodes, pipelines) = (measured.nodes, measured.pipelines)
        if let peak = job.cluster.peakTeraflops, let rate = samplesPerSecond,
            let operations = job.model.operationsPerSample, measured.nodes > 0
        {
            utilization = operations * rate / (peak * 1e12 * Double(measured.nodes))
        }
    }

    /// The line as it stands in the file, without the line feed.
    package var text: String {
        var fields: [String] = []
        func add(_ key: CodingKeys, _ value: Double?) {
            guard let value, value.isFinite else { return }
            fields.append("\"\(key.rawValue)\":\(JSONText.number(value))")
        }
        func add(_ key: CodingKeys, _ value: Int?) {
            if let value { fields.append("\"\(key.rawValue)\":\(value)") }
        }
        // Whole microseconds are enough, and short.
        func add(_ key: CodingKeys, _ time: Seconds?) {
            add(key, time.map { ($0.value * 1e6).rounded() / 1e6 })
        }
        add(.step, step)
        add(.time, (time.value * 1e3).rounded() / 1e3)
        add(.generation, generation?.rawValue)
        add(.loss, loss)
        add(.validationLoss, validationLoss)
        add(.learningRate, learningRate)
        add(.gradientNorm, gradientNorm)
        if isSkipped { fields.append("\"skipped\":true") }
        add(.samples, samples)
        add(.tokens, tokens)
        add(.samplesPerSecond, samplesPerSecond.map { ($0 * 100).rounded() / 100 })
        add(.tokensPerSecond, tokensPerSecond.map { ($0 * 100).rounded() / 100 })
        add(.stepTime, stepTime)
        add(.compute, compute)
        add(.wait, wait)
        add(.synchronization, synchronization)
        add(.update, update)
        add(.commit, commit)
        add(.idleShare, idleShare.map { ($0 * 1e4).rounded() / 1e4 })
        add(.utilization, utilization.map { ($0 * 1e6).rounded() / 1e6 })
        add(.memory, memory?.value)
        add(.nodes, nodes)
        add(.pipelines, pipelines)
        return "{\(fields.joined(separator: ","))}"
    }
}

extension MetricsLine: Decodable {
    private enum CodingKeys: String, CodingKey {
        case step
        case time
        case generation
        case loss
        case validationLoss = "validation_loss"
        case learningRate = "learning_rate"
        case gradientNorm = "gradient_norm"
        case isSkipped = "skipped"
        case samples
        case tokens
        case samplesPerSecond = "samples_per_second"
        case tokensPerSecond = "tokens_per_second"
        case stepTime = "step_seconds"
        case compute = "compute_seconds"
        case wait = "wait_seconds"
        case synchronization = "synchronization_seconds"
        case update = "update_seconds"
        case commit = "commit_seconds"
        case idleShare = "idle_share"
        case utilization = "model_flops_utilization"
        case memory = "memory_bytes"
        case nodes
        case pipelines
    }

    /// Reads a line; only the step and the time are required.
    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            step: try fields.decode(Int.self, forKey: .step),
            time: try fields.decode(Seconds.self, forKey: .time)
        )
        func value<Value: Decodable>(_ key: CodingKeys) throws -> Value? {
            try fields.decodeIfPresent(Value.self, forKey: key)
        }
        generation = try value(.generation)
        loss = try value(.loss)
        validationLoss = try value(.validationLoss)
        learningRate = try value(.learningRate)
        gradientNorm = try value(.gradientNorm)
        isSkipped = try value(.isSkipped) ?? false
        samples = try value(.samples)
        tokens = try value(.tokens)
        samplesPerSecond = try value(.samplesPerSecond)
        tokensPerSecond = try value(.tokensPerSecond)
        stepTime = try value(.stepTime)
        compute = try value(.compute)
        wait = try value(.wait)
        synchronization = try value(.synchronization)
        update = try value(.update)
        commit = try value(.commit)
        idleShare = try value(.idleShare)
        utilization = try value(.utilization)
        memory = try value(.memory)
        nodes = try value(.nodes)
        pipelines = try value(.pipelines)
    }
}
