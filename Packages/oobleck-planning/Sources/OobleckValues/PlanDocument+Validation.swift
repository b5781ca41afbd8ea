import OobleckWords

extension PlanDocument {
    /// More would only be a mistake, and take memory without bound.
    private static let mostMicrobatches = 16_777_216
    private static let mostCores = 1e6
    /// Of a stage and of the synchronization: all layers of a profile, each at its longest.
    private static let longestTime: Seconds = 1e10

    /// Throws ``OobleckError/Code/inputData`` with one line when a value makes no sense or the
    /// parts contradict each other.
    public func validate() throws {
        guard version == Self.formatVersion else {
            throw OobleckError(
                .inputData,
                "the plan has version \(version); this program reads \(Self.formatVersion)",
                problem: .unsupportedVersion(found: version, supported: Self.formatVersion)
            )
        }
        try require(devicesPerNode > 0, "devices_per_node is \(devicesPerNode); it must be >= 1")
        try require(microbatches > 0, "microbatches are \(microbatches); there must be at least 1")
        try require(
            microbatches <= Self.mostMicrobatches,
            "microbatches are \(microbatches); there may be \(Self.mostMicrobatches) at most"
        )
        let tolerance = guarantee.faultTolerance
        try require(
            (0..<Int(Int32.max)).contains(tolerance),
            "fault_tolerance is \(tolerance); it must be >= 0"
        )
        if let sharedCores {
            try require(
                sharedCores > 0 && sharedCores <= Self.mostCores,
                "shared_cores is \(sharedCores); it must be > 0, or absent"
            )
        }
        try validateTemplates()
        try validateNumbers()
        try validatePlan()
    }

    private func validateTemplates() throws {
        try require(!templates.isEmpty, "the plan has no templates; it needs at least one")
        let layerCount = templates[0].stages.last?.endLayer ?? 0
        for (index, template) in templates.enumerated() {
            let name = "the template of \(counted(template.nodes, "node"))"
            try require(template.nodes > 0, "\(name) makes no sense")
            try require(
                !templates[..<index].contains { $0.nodes == template.nodes },
                "\(name) is there twice"
            )
            var next = 0
            for stage in template.stages {
                try require(
                    stage.firstLayer == next && stage.endLayer > next,
                    "\(name) has a stage of layers [\(stage.firstLayer), \(stage.endLayer)); "
                        + "the next layer is \(next)"
                )
                next = stage.endLayer
                for (field, time) in [
                    ("forward_seconds", stage.forward), ("backward_seconds", stage.backward),
                ] {
                    try require(
                        time.value.isFinite && time.value >= 0,
                        "\(name): \(field) is \(time.value); it must be finite and >= 0"
                    )
                    try require(
                        time <= Self.longestTime,
                        "\(name): \(field) is \(time.value); it must be at most "
                            + "\(Self.longestTime.value)"
                    )
                }
            }
            try require(
                next == layerCount,
                "\(name) has \(counted(next, "layer")); the others have \(layerCount)"
            )
            let used = Set(template.stages.map(\.node))
            try require(
                used.count == template.nodes && used.allSatisfy { (0..<used.count).contains($0) },
                "\(name) does not use each of its nodes"
            )
        }
    }

    private func validatePlan() throws {
        try require(!plan.pipelines.isEmpty, "the plan has no pipelines; it needs at least one")
        let generation = plan.generation.rawValue
        try require(
            (0..<Int.max).contains(generation),
            "generation is \(generation); it must be >= 0"
        )
        let synchronization = plan.synchronizationTime.value
        try require(
            synchronization.isFinite && synchronization >= 0,
            "synchronization_seconds is \(synchronization); it must be finite and >= 0"
        )
        try require(
            synchronization <= Self.longestTime.value,
            "synchronization_seconds is \(synchronization); it must be at most "
                + "\(Self.longestTime.value)"
        )
        var seen: Set<NodeID> = []
        var left = microbatches
        for (index, pipeline) in plan.pipelines.enumerated() {
            try require(
                template(nodes: pipeline.templateNodes) != nil,
                "pipeline \(index) follows a template of \(counted(pipeline.templateNodes, "node")), "
                    + "which the plan lacks"
            )
            try require(
                pipeline.nodes.count == pipeline.templateNodes,
                "pipeline \(index) has \(counted(pipeline.nodes.count, "node")); "
                    + "its template has \(pipeline.templateNodes)"
            )
            for node in pipeline.nodes {
                try require(node >= 0, "node \(node) is negative")
                try require(seen.insert(node).inserted, "node \(node) is there twice")
            }
            try require(
                (1...max(1, left)).contains(pipeline.microbatches) && left > 0,
                "pipeline \(index) has \(counted(pipeline.microbatches, "microbatch")); all together have "
                    + "\(microbatches), and each at least 1"
            )
            left -= pipeline.microbatches
        }
        for node in idleNodes {
            try require(node >= 0, "node \(node) is negative")
            try require(seen.insert(node).inserted, "node \(node) is there twice")
        }
        try require(
            left == 0,
            "the pipelines have \(counted(microbatches - left, "microbatch")); they must have \(microbatches)"
        )
    }

    private func require(_ isRight: Bool, _ message: @autoclosure () -> String) throws {
        guard isRight else { throw OobleckError(.inputData, message()) }
    }
}
