import OobleckWords

extension PlanDocument {
    /// Throws ``OobleckError/Code/inputData`` with one line for a number that no plan has: what is
    /// derived from such a one would be printed as if it were true.
    func validateNumbers() throws {
        guard guarantee.minimumNodes >= 1, guarantee.maximumNodes >= 1 else {
            throw OobleckError(
                .inputData,
                "the guarantee is from \(guarantee.minimumNodes) to \(guarantee.maximumNodes) nodes; "
                    + "both must be at least 1"
            )
        }
        for template in templates {
            let name = "the template of \(counted(template.nodes, "node"))"
            try Self.check("\(name): iteration_seconds", template.iteration)
            var devices: [Int: Int] = [:]
            for stage in template.stages {
                let handover = stage.handover
                try Self.check("\(name): handover_seconds", handover.busy)
                try Self.check("\(name): handover_latency_seconds", handover.latency)
                guard (1...devicesPerNode).contains(stage.devices) else {
                    throw OobleckError(
                        .inputData,
                        "\(name) has a stage on \(counted(stage.devices, "device")); it must be from "
                            + "1 to devices_per_node, which is \(devicesPerNode)"
                    )
                }
                devices[stage.node, default: 0] += stage.devices
            }
            if let most = devices.values.max(), most > devicesPerNode {
                throw OobleckError(
                    .inputData,
                    "\(name) has \(counted(most, "device")) on one node; devices_per_node is "
                        + "\(devicesPerNode)"
                )
            }
        }
        try Self.check("step_seconds", plan.stepTime)
        for (index, pipeline) in plan.pipelines.enumerated() {
            try Self.check("pipeline \(index): pipeline_seconds", pipeline.pipelineTime)
        }
    }

    private static func check(_ field: String, _ time: Seconds) throws {
        guard time.value.isFinite, time.value >= 0 else {
            throw OobleckError(
                .inputData,
                "\(field) is \(time.value); it must be finite and >= 0"
            )
        }
    }
}
