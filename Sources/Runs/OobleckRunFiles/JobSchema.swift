import OobleckText

/// The keys of a job file by section; the top level is the section without a name.
struct JobSchema {
    static let current = JobSchema(sections: [
        ("", ["model", "data", "training", "evaluate", "cluster", "checkpoint"]),
        (
            "model",
            [
                "import", "name", "preset", "blocks", "hidden", "heads", "vocabulary",
                "sequence_length",
                "dropout", "tie_word_embeddings", "initial_weights",
            ]
        ),
        (
            "data",
            [
                "corpus", "token_bytes", "columns", "batch", "mask_fraction", "mask_token",
                "validation",
            ]
        ),
        (
            "training",
            [
                "steps", "decay_steps", "seed", "global_batch", "microbatch", "learning_rate",
                "minimum_learning_rate", "warmup_steps", "schedule", "cooldown_steps",
                "weight_decay", "optimizer", "momentum", "nesterov", "train", "precision",
                "recompute", "beta1",
                "beta2",
                "epsilon", "gradient_clip", "skip_limit",
            ]
        ),
        (
            "cluster",
            [
                "nodes", "fault_tolerance", "devices_per_node", "device_memory",
                "detection_budget", "coordinator_wait", "cpu_level", "device", "cost_model",
                "peak_tflops",
            ]
        ),
        ("evaluate", ["every", "batches"]),
        ("checkpoint", ["every", "interval", "keep", "directory", "wait"]),
    ])

    private let sections: [(name: String, keys: [String])]

    func keys(of section: String) -> [String] {
        sections.first { $0.name == section }?.keys ?? []
    }

    /// What to say of a key that the section does not have: where it belongs, or what is near.
    ///
    /// Keys of the top level that start with `x-` are for mappings that others merge, and fine.
    func unknown(_ key: String, in section: String, isMapping: Bool = false) -> String? {
        if section.isEmpty, key.hasPrefix("x-") { return nil }
        let place = section.isEmpty ? "" : " in \(section)"
        let known = keys(of: section)
        if let home = sections.first(where: { $0.name != section && $0.keys.contains(key) }) {
            let target = home.name.isEmpty ? "the top level" : home.name
            return "unknown key \(key)\(place); it belongs under \(target)"
        }
        let near = near(key, in: section)
        guard near.isEmpty else {
            return "unknown key \(key)\(place); did you mean \(near.joined(separator: " or "))?"
        }
        if section.isEmpty, isMapping {
            return "unknown key \(key); known are \(known.joined(separator: ", ")), and x-\(key) "
                + "for a mapping that others merge"
        }
        return "unknown key \(key)\(place); known are \(known.joined(separator: ", "))"
    }

    /// The section's keys that somebody may have meant.
    func near(_ key: String, in section: String) -> [String] {
        NearestNames.of(key, among: keys(of: section))
    }
}
