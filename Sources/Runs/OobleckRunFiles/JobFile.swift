import Foundation
import OobleckCore
import OobleckData
import Yams

/// Reads a job from YAML.
///
/// What a job may say is documented in `Examples/tiny.yaml`.
package enum JobFile {
    /// Reads, completes and checks a job.
    ///
    /// Paths in it are relative to the file. `settings` take the place of what the file says. Throws
    /// `.inputData` with file, line and key, or `.usage` when settings alone are wrong.
    package static func load(
        path: String,
        settings: [JobSetting] = []
    ) throws -> JobSpecification {
        try parse(try TextFile.read(path), path: path, settings)
    }

    /// Throws `.inputData` when values make no sense, with a line for each.
    ///
    /// For jobs that were changed after they were read. `options` has the command line's options that
    /// changed a key, by the key's path; a value of theirs is named so, and bad usage.
    package static func validate(
        _ job: JobSpecification,
        options: [String: String] = [:]
    ) throws {
        let violations = JobViolation.all(in: job).map { violation in
            let path = "\(violation.section).\(violation.key)"
            return (option: options[path], line: "\(options[path] ?? path) \(violation.message)")
        }
        guard let first = violations.first else { return }
        throw OobleckError(
            violations.contains { $0.option == nil } ? .inputData : .usage,
            first.line,
            details: violations.dropFirst().map(\.line)
        )
    }

    private static func parse(
        _ text: String,
        path: String,
        _ settings: [JobSetting]
    ) throws -> JobSpecification {
        var root = try JobSyntax(text, file: path).root()
        guard root != nil else {
            throw OobleckError(
                .inputData,
                "\(path) is empty; a job names at least data.corpus, as Examples/tiny.yaml explains"
            )
        }
        // What is no mapping is told as such.
        if root?.mapping != nil { for setting in settings { root = try setting.applied(to: root) } }
        let mistakes = JobMistakes(file: path, options: Set(settings.map(\.name)))
        let schema = JobSchema.current
        let top = JobSection(root, name: "", schema: schema, mistakes)
        if !top.isMapping { try mistakes.throwIfAny() }
        var sections: [String: JobSection] = [:]
        func section(_ name: String) -> JobSection {
            let section = JobSection(top.node(name), name: name, schema: schema, mistakes)
            sections[name] = section
            return section
        }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        func resolve(_ text: String) -> String {
            URL(fileURLWithPath: text, relativeTo: folder).standardizedFileURL.path
        }
        let (model, data) = (section("model"), section("data"))
        var imported = readImport(model, mistakes, resolve)
        let choice = Self.data(data, mistakes, &imported, resolve)
        let weights = imported == nil ? readWeights(model, mistakes, resolve) : nil
        let savesNothing = top.isPlain("checkpoint", noCheckpoints)
        let checkpoint = savesNothing ? nil : section("checkpoint")
        let job = JobSpecification(
            model: imported.map { .imported($0) }
                ?? .gpt2(modelSpecification(model, weights)),
            training: trainingSpecification(section("training"), imported),
            cluster: clusterSpecification(section("cluster")),
            corpusPath: choice.path,
            corpusTokenBytes: choice.tokenBytes,
            dataAreColumns: choice.areColumns,
            masking: choice.masking,
            initialWeightsPath: imported == nil ? model.text("initial_weights").map(resolve) : nil,
            validation: validationSpecification(data, top.node("evaluate"), section, resolve),
            checkpoint: checkpoint.map { checkpointSpecification($0, resolve) }
        )
        // Values that could not be read have defaults here: nothing is said of what depends on them.
        for violation in JobViolation.all(in: job) {
            let paths = ([violation.key] + violation.others).map { "\(violation.section).\($0)" }
            guard !paths.contains(where: mistakes.has) else { continue }
            sections[violation.section]?.mistake(violation.key, violation.message)
        }
        try mistakes.throwIfAny()
        if let model = job.model.gpt2 { try weights?.requireFit(model) }
        return job
    }

    private static func modelSpecification(
        _ section: JobSection,
        _ weights: WeightFolder?
    ) -> GPT2Specification {
        let sizes = ["blocks", "hidden", "heads"]
        let presets = ModelPreset.allCases.map(\.rawValue)
        let given = sizes.filter { section.node($0) != nil }
        let name = section.text("name")
        var preset = name.flatMap { ModelPreset(rawValue: $0) }
        if let wanted = section.text("preset") {
            preset = ModelPreset(rawValue: wanted)
            if preset == nil {
                section.mistake(
                    "preset",
                    "is \"\(wanted)\"; it must be one of \(presets.joined(separator: ", "))"
                )
            }
        }
        if let preset, let size = given.first {
            section.mistake(
                size,
                "cannot be set: \(preset.rawValue) fixes it; leave out one of the two"
            )
        }
        if given.isEmpty, preset == nil, weights == nil {
            if let name, !section.isWrong("preset") {
                section.mistake(
                    "name",
                    "is \"\(name)\"; give blocks, hidden and heads too, or one of "
                        + presets.joined(separator: ", ")
                )
            }
            preset = .gpt2
        }
        for missing in sizes
        where !given.isEmpty && preset == nil && section.node(missing) == nil {
            section.mistake(missing, "is missing; a model takes blocks, hidden and heads")
        }
        // What the job leaves out is as in its weights, or else as in GPT-2.
        let base = preset?.specification ?? weights?.model ?? ModelPreset.gpt2.specification
        return GPT2Specification(
            name: name ?? preset?.rawValue ?? "gpt2-custom",
            blocks: section.integer("blocks") ?? base.blocks,
            hidden: section.integer("hidden") ?? base.hidden,
            heads: section.integer("heads") ?? base.heads,
            vocabulary: section.integer("vocabulary") ?? weights?.model.vocabulary
                ?? base.vocabulary,
            sequenceLength: section.integer("sequence_length") ?? weights?.model.sequenceLength
                ?? base.sequenceLength,
            dropout: dropout(section, weights) ?? base.dropout,
            variant: variant(section, weights)
        )
    }

    private static func trainingSpecification(
        _ section: JobSection,
        _ imported: ImportedModel?
    ) -> TrainingSpecification {
        let steps = section.integer("steps") ?? 1000
        let learningRate = section.number("learning_rate") ?? 6e-4
        let decaySteps = section.integer("decay_steps")
        let scheduled = decaySteps ?? steps
        let schedule = section.decay("schedule") ?? .cosine
        refuseUnusedKeys(section, schedule)
        var training = TrainingSpecification(
            steps: steps,
            decaySteps: decaySteps == steps ? nil : decaySteps,
            // The default is left out, so that a job that names it is the same job.
            schedule: schedule == .cosine ? nil : schedule,
            cooldownSteps: section.integer("cooldown_steps"),
            seed: section.unsigned("seed") ?? 0,
            globalBatch: section.integer("global_batch") ?? 32,
            microbatch: section.integer("microbatch") ?? imported?.manifest.microbatch ?? 4,
            learningRate: learningRate,
            minimumLearningRate: section.number("minimum_learning_rate") ?? learningRate / 10,
            warmupSteps: section.integer("warmup_steps") ?? max(0, min(100, scheduled / 10)),
            weightDecay: section.number("weight_decay") ?? 0.1,
            beta1: section.number("beta1") ?? 0.9,
            beta2: section.number("beta2") ?? 0.95,
            epsilon: section.number("epsilon") ?? 1e-8,
            gradientClip: section.number("gradient_clip") ?? 1,
            skipLimit: section.integer("skip_limit") ?? 5
        )
        readOptimizer(section, &training)
        return training
    }

    /// Notes the keys that mean nothing to the schedule.
    private static func refuseUnusedKeys(_ section: JobSection, _ schedule: LearningRateDecay) {
        guard !section.isWrong("schedule") else { return }
        let unused =
            switch schedule {
            case .cosine, .linear: ["cooldown_steps"]
            case .constant: ["cooldown_steps", "decay_steps", "minimum_learning_rate"]
            case .stableThenDecay: [String]()
            }
        for key in unused where section.node(key) != nil {
            section.mistake(
                key,
                "has no meaning for schedule \(schedule.rawValue); leave out one of the two"
            )
        }
    }

    private static func clusterSpecification(_ section: JobSection) -> ClusterSpecification {
        let devices = section.integer("devices_per_node")
        return ClusterSpecification(
            nodes: section.integer("nodes") ?? 4,
            // One is what a job without the key has, and is written down alike.
            devicesPerNode: devices == 1 ? nil : devices,
            faultTolerance: section.integer("fault_tolerance") ?? 1,
            deviceMemory: section.size("device_memory"),
            detectionBudget: Seconds(section.number("detection_budget") ?? 2),
            coordinatorWait: section.number("coordinator_wait").map { Seconds($0) },
            cpuLevel: section.level("cpu_level"),
            device: section.device("device"),
            // Written down, so that a run that is resumed by a later version plans as it did.
            costModel: section.costModel("cost_model") ?? ClusterSpecification.defaultCostModel,
            peakTeraflops: section.number("peak_tflops")
        )
    }
}
