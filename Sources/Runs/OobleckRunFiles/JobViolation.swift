import OobleckCore
import OobleckData

/// Something in a job that makes no sense.
struct JobViolation {
    let section: String
    let key: String
    /// What the value is and what it must be; follows the key.
    let message: String
    /// Keys of the section that the value was compared with.
    var others: [String] = []

    /// All of them; nothing is said of what is compared with a value that makes no sense.
    static func all(in job: JobSpecification) -> [JobViolation] {
        inModel(job.model) + inData(job) + inTraining(job.training) + inTrained(job) + inImport(job)
            + inCluster(job.cluster)
            + (job.validation.map(inValidation) ?? [])
            + (job.checkpoint.map(inCheckpoint) ?? [])
    }

    static func inModel(_ model: ModelSpecification) -> [JobViolation] {
        switch model {
        case .gpt2(let model): inModel(model)
        case .imported(let model):
            model.manifest.problem.map {
                [JobViolation(section: "model", key: "import", message: "makes no sense: \($0)")]
            } ?? []
        }
    }

    /// Each pattern of trained parameters stands for some.
    private static func inTrained(_ job: JobSpecification) -> [JobViolation] {
        guard let patterns = job.training.train, inModel(job.model).isEmpty else { return [] }
        let names = (0..<job.model.layerCount).flatMap { layer in
            zip(
                ParameterLayout.parameters(ofLayer: layer, model: job.model),
                ParameterLayout.momenta(ofLayer: layer, model: job.model)
            )
            .filter { $0.1 == nil }.map(\.0.name)
        }
        guard
            let unknown = patterns.first(where: { pattern in
                !names.contains { TrainedParameters.fits($0, pattern: pattern) }
            })
        else { return [] }
        let examples = names.prefix(2).joined(separator: ", ")
        return [
            JobViolation(
                section: "training",
                key: "train",
                message: "has \"\(unknown)\", which fits none of the model's \(names.count) "
                    + "parameters, such as \(examples)"
            )
        ]
    }

    /// The graphs' shapes are made for one size of microbatch.
    private static func inImport(_ job: JobSpecification) -> [JobViolation] {
        guard let made = job.model.imported?.manifest.microbatch,
            made != job.training.microbatch
        else { return [] }
        return [
            JobViolation(
                section: "training",
                key: "microbatch",
                message: "is \(job.training.microbatch); the model was imported with --microbatch "
                    + "\(made), so leave it out or import the model again"
            )
        ]
    }

    private static func inModel(_ model: GPT2Specification) -> [JobViolation] {
        var checks = SectionChecks("model")
        checks.whole("blocks", model.blocks, 1...10_000)
        checks.whole("hidden", model.hidden, 1...1_000_000)
        checks.whole("heads", model.heads, 1...1_000_000)
        checks.whole("vocabulary", model.vocabulary, 2...16_777_216)
        checks.whole("sequence_length", model.sequenceLength, 1...1_000_000)
        checks.multiple("hidden", model.hidden, of: "heads", model.heads)
        checks.fraction("dropout", model.dropout)
        checks.whole("n_inner", model.innerSize, 1...10_000_000)
        checks.whole("n_positions", model.positionCount, 1...10_000_000)
        checks.positions(model)
        return checks.violations
    }

    private static func inData(_ job: JobSpecification) -> [JobViolation] {
        inMasking(job) + inTokenWidth(job)
    }

    private static func inMasking(_ job: JobSpecification) -> [JobViolation] {
        guard let masking = job.masking else { return [] }
        var checks = SectionChecks("data")
        checks.number("mask_fraction", masking.fraction, "above 0 and at most 1") {
            $0 > 0 && $0 <= 1
        }
        checks.whole("mask_token", masking.token, 0...max(1, masking.vocabulary) - 1)
        return checks.violations
    }

    /// Bytes that a token id may have.
    static let tokenWidths = [1, 2, 4, 8]

    private static func inTokenWidth(_ job: JobSpecification) -> [JobViolation] {
        guard let bytes = job.corpusTokenBytes, !tokenWidths.contains(bytes) else { return [] }
        return [
            JobViolation(
                section: "data",
                key: "token_bytes",
                message: "is \(bytes); it must be 1, 2, 4 or 8"
            )
        ]
    }

    private static func inTraining(_ training: TrainingSpecification) -> [JobViolation] {
        var checks = SectionChecks("training")
        checks.whole("steps", training.steps, 1...1_000_000_000)
        checks.whole(
            "decay_steps",
            training.scheduledSteps,
            1...1_000_000_000,
            others: ["steps"]
        )
        checks.whole("global_batch", training.globalBatch, 1...100_000_000)
        checks.whole("microbatch", training.microbatch, 1...1_000_000)
        checks.multiple("global_batch", training.globalBatch, of: "microbatch", training.microbatch)
        let rate = training.learningRate
        let minimum = training.minimumLearningRate
        checks.positive("learning_rate", rate)
        checks.number(
            "minimum_learning_rate",
            minimum,
            "0 to learning_rate (\(rate))",
            others: ["learning_rate"]
        ) { $0 >= 0 && $0 <= rate }
        checks.whole(
            "warmup_steps",
            training.warmupSteps,
            0...max(0, training.scheduledSteps),
            others: ["steps", "decay_steps"]
        )
        checks.cooldown(training)
        checks.number("weight_decay", training.weightDecay, "0 or more") { $0 >= 0 }
        checks.fraction("momentum", training.momentum ?? 0)
        checks.number("nesterov", training.momentum ?? 0, "false without a momentum") {
            training.nesterov != true || $0 > 0
        }
        checks.fraction("beta1", training.beta1)
        checks.fraction("beta2", training.beta2)
        checks.positive("epsilon", training.epsilon)
        checks.positive("gradient_clip", training.gradientClip)
        checks.whole("skip_limit", training.skipLimit, 1...1_000_000)
        return checks.violations
    }

    private static func inCluster(_ cluster: ClusterSpecification) -> [JobViolation] {
        var checks = SectionChecks("cluster")
        checks.whole("nodes", cluster.nodes, 1...100_000)
        checks.powerOfTwo(
            "devices_per_node",
            cluster.workersPerNode,
            upTo: ClusterSpecification.mostDevicesPerNode
        )
        checks.whole("fault_tolerance", cluster.faultTolerance, 0...99_999)
        checks.whole("device_memory", cluster.deviceMemory?.value ?? 1, 1...Int.max)
        // Below a fifth of a second a busy machine cannot be told from a dead one.
        let budget = cluster.detectionBudget.value
        checks.number("detection_budget", budget, "0.2 to 3600 seconds") {
            $0 >= 0.2 && $0 <= 3600
        }
        let wait = cluster.coordinatorWait ?? ClusterSpecification.defaultCoordinatorWait
        checks.number("coordinator_wait", wait.value, "1 to 604800 seconds") {
            $0 >= 1 && $0 <= 604_800
        }
        checks.number("peak_tflops", cluster.peakTeraflops ?? 1, "more than 0, 1e6 at most") {
            $0 > 0 && $0 <= 1e6
        }
        return checks.violations
    }

    private static func inValidation(_ validation: ValidationSpecification) -> [JobViolation] {
        var checks = SectionChecks("evaluate")
        checks.whole("every", validation.every, 1...1_000_000_000)
        checks.whole("batches", validation.batches ?? 1, 1...1_000_000)
        return checks.violations
    }

    private static func inCheckpoint(_ checkpoint: CheckpointSpecification) -> [JobViolation] {
        var checks = SectionChecks("checkpoint")
        if case .steps(let steps) = checkpoint.rhythm {
            checks.whole("every", steps, 1...1_000_000_000)
        }
        checks.whole("keep", checkpoint.keep, 1...1_000_000)
        checks.number("wait", checkpoint.wait.value, "0 to 604800 seconds") {
            $0 >= 0 && $0 <= 604_800
        }
        return checks.violations
    }
}

/// Checks of one section's values; keeps all that fail, one of each key.
private struct SectionChecks {
    private let section: String
    private(set) var violations: [JobViolation] = []

    init(_ section: String) { self.section = section }

    /// The cooldown lies between the warmup and the end of the schedule.
    mutating func cooldown(_ training: TrainingSpecification) {
        guard let steps = training.cooldownSteps else { return }
        let most = max(1, training.scheduledSteps - training.warmupSteps)
        guard !(1...most).contains(steps) else { return }
        fail(
            "cooldown_steps",
            "is \(steps); it must be 1 to \(most), the steps after the warmup",
            ["steps", "decay_steps", "warmup_steps"]
        )
    }

    mutating func whole(
        _ key: String,
        _ value: Int,
        _ range: ClosedRange<Int>,
        others: [String] = []
    ) {
        guard !range.contains(value) else { return }
        let isBelow = value < range.lowerBound
        let bound = isBelow ? "least \(range.lowerBound)" : "most \(range.upperBound)"
        let names = isBelow ? "" : others.map { ", as \($0) is" }.joined()
        fail(key, "is \(value); it must be at \(bound)\(names)", others)
    }

    mutating func powerOfTwo(_ key: String, _ value: Int, upTo most: Int) {
        guard !(1...most).contains(value) || value & (value - 1) != 0 else { return }
        fail(key, "is \(value); it must be a power of two, from 1 to \(most)", [])
    }

    mutating func number(
        _ key: String,
        _ value: Double,
        _ wanted: String,
        others: [String] = [],
        _ isRight: (Double) -> Bool
    ) {
        guard !value.isFinite || !isRight(value) else { return }
        fail(key, "is \(value); it must be \(wanted)", others)
    }

    mutating func positions(_ model: GPT2Specification) {
        guard !hasFailed("n_positions"), !hasFailed("sequence_length"),
            model.positionCount < model.sequenceLength
        else { return }
        fail(
            "sequence_length",
            "is \(model.sequenceLength); the model has \(model.positionCount) positions, and it must "
                + "not be above",
            ["n_positions"]
        )
    }

    mutating func positive(_ key: String, _ value: Double) {
        number(key, value, "positive") { $0 > 0 }
    }

    mutating func fraction(_ key: String, _ value: Double) {
        number(key, value, "at least 0 and below 1") { $0 >= 0 && $0 < 1 }
    }

    mutating func multiple(_ key: String, _ value: Int, of divisorKey: String, _ divisor: Int) {
        // Whoever is not positive, or so large that the next multiple overflows, has been found.
        guard !hasFailed(key), !hasFailed(divisorKey), value > 0, divisor > 0,
            !value.isMultiple(of: divisor)
        else { return }
        let below = value / divisor * divisor
        let nearest = below == 0 ? "\(divisor)" : "\(below) or \(below + divisor)"
        fail(
            key,
            "is \(value); it must be a multiple of \(divisorKey) (\(divisor)), such as \(nearest)",
            [divisorKey]
        )
    }

    private func hasFailed(_ key: String) -> Bool { violations.contains { $0.key == key } }

    private mutating func fail(_ key: String, _ message: String, _ others: [String]) {
        guard !hasFailed(key), !others.contains(where: hasFailed) else { return }
        violations.append(
            JobViolation(section: section, key: key, message: message, others: others)
        )
    }
}
