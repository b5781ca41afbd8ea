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
    /// Paths in it are relative to the file. Throws `.inputData` with file, line and key.
    package static func load(path: String) throws -> JobSpecification {
        try parse(try TextFile.read(path), path: path)
    }

    /// Throws `.inputData` with one line when a value makes no sense.
    ///
    /// For jobs that were changed after they were read.
    package static func validate(_ job: JobSpecification) throws {
        guard let violation = JobViolation.first(in: job) else { return }
        throw OobleckError(
            .inputData,
            "\(violation.section).\(violation.key) \(violation.message)"
        )
    }

    private static func parse(_ text: String, path: String) throws -> JobSpecification {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw OobleckError(.inputData, "\(path): not valid YAML: \(oneLine(error))")
        }
        let schema = JobSchema.current
        let top = try JobSection(root, name: "", file: path, schema: schema)
        var sections: [String: JobSection] = [:]
        func section(_ name: String) throws -> JobSection {
            let section = try JobSection(top.node(name), name: name, file: path, schema: schema)
            sections[name] = section
            return section
        }
        let (model, data) = (try section("model"), try section("data"))
        let (training, cluster) = (try section("training"), try section("cluster"))
        let checkpoint = try section("checkpoint")
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        func resolve(_ text: String) -> String {
            URL(fileURLWithPath: text, relativeTo: folder).standardizedFileURL.path
        }
        guard let corpus = try data.text("corpus"), !corpus.isEmpty else {
            throw data.error(
                "corpus",
                "is missing; name a UTF-8 text file, a directory of .txt files, or a .bin file"
            )
        }
        let weights = try model.text("initial_weights").map(resolve).map(WeightFolder.init(path:))
        let job = JobSpecification(
            model: try modelSpecification(model, weights),
            training: try trainingSpecification(training),
            cluster: try clusterSpecification(cluster),
            corpusPath: resolve(corpus),
            corpusTokenBytes: try data.integer("token_bytes"),
            initialWeightsPath: weights?.path,
            checkpoint: try checkpointSpecification(checkpoint, resolve)
        )
        if let violation = JobViolation.first(in: job), let section = sections[violation.section] {
            throw section.error(violation.key, violation.message)
        }
        try weights?.requireFit(job.model)
        return job
    }

    private static func modelSpecification(
        _ section: JobSection,
        _ weights: WeightFolder?
    ) throws -> ModelSpecification {
        let sizes = ["blocks", "hidden", "heads"]
        let presets = ModelPreset.allCases.map(\.rawValue)
        let given = sizes.filter { section.node($0) != nil }
        let name = try section.text("name")
        var preset = name.flatMap { ModelPreset(rawValue: $0) }
        if let wanted = try section.text("preset") {
            preset = ModelPreset(rawValue: wanted)
            if preset == nil {
                throw section.error(
                    "preset",
                    "is \"\(wanted)\"; it must be one of \(presets.joined(separator: ", "))"
                )
            }
        }
        if let preset, let size = given.first {
            throw section.error(
                size,
                "cannot be set: \(preset.rawValue) fixes it; leave out one of the two"
            )
        }
        if given.isEmpty, preset == nil, weights == nil {
            guard name == nil else {
                throw section.error(
                    "name",
                    "is \"\(name ?? "")\"; give blocks, hidden and heads too, or one of "
                        + presets.joined(separator: ", ")
                )
            }
            preset = .gpt2
        }
        if !given.isEmpty, preset == nil,
            let missing = sizes.first(where: { section.node($0) == nil })
        {
            throw section.error(missing, "is missing; a model takes blocks, hidden and heads")
        }
        // What the job leaves out is as in its weights, or else as in GPT-2.
        let base = preset?.specification ?? weights?.model ?? ModelPreset.gpt2.specification
        return ModelSpecification(
            name: name ?? preset?.rawValue ?? "gpt2-custom",
            blocks: try section.integer("blocks") ?? base.blocks,
            hidden: try section.integer("hidden") ?? base.hidden,
            heads: try section.integer("heads") ?? base.heads,
            vocabulary: try section.integer("vocabulary") ?? weights?.model.vocabulary
                ?? base.vocabulary,
            sequenceLength: try section.integer("sequence_length") ?? weights?.model.sequenceLength
                ?? base.sequenceLength,
            dropout: try dropout(section, weights) ?? base.dropout,
            variant: try variant(section, weights)
        )
    }

    private static func trainingSpecification(
        _ section: JobSection
    ) throws -> TrainingSpecification {
        let steps = try section.integer("steps") ?? 1000
        let learningRate = try section.number("learning_rate") ?? 6e-4
        return TrainingSpecification(
            steps: steps,
            seed: try section.unsigned("seed") ?? 0,
            globalBatch: try section.integer("global_batch") ?? 32,
            microbatch: try section.integer("microbatch") ?? 4,
            learningRate: learningRate,
            minimumLearningRate: try section.number("minimum_learning_rate") ?? learningRate / 10,
            warmupSteps: try section.integer("warmup_steps") ?? max(0, min(100, steps / 10)),
            weightDecay: try section.number("weight_decay") ?? 0.1,
            beta1: try section.number("beta1") ?? 0.9,
            beta2: try section.number("beta2") ?? 0.95,
            epsilon: try section.number("epsilon") ?? 1e-8,
            gradientClip: try section.number("gradient_clip") ?? 1,
            skipLimit: try section.integer("skip_limit") ?? 5
        )
    }

    private static func clusterSpecification(_ section: JobSection) throws -> ClusterSpecification {
        ClusterSpecification(
            nodes: try section.integer("nodes") ?? 4,
            faultTolerance: try section.integer("fault_tolerance") ?? 1,
            deviceMemory: try section.size("device_memory"),
            detectionBudget: Seconds(try section.number("detection_budget") ?? 2)
        )
    }
}
