import OobleckWords

extension ModelProfile {
    /// The most layers, and the most bytes of all layers together (256 TiB): what follows counts
    /// bytes of many microbatches, and must not overflow.
    private static let mostLayers = 10_000
    static let mostBytes = 1 << 48
    /// The longest time of a layer: eleven days.
    private static let longestTime = Seconds.longestMeasured
    /// The slowest accepted link, in bytes a second, so that transfer times are bounded.
    private static let slowestLink = 1.0

    /// Throws ``OobleckError/Code/inputData`` with one line when a value makes no sense.
    public func validate() throws {
        func fail(_ message: String, _ problem: PlanningProblem? = nil) -> OobleckError {
            OobleckError(.inputData, message, problem: problem)
        }
        func value(_ field: String, _ value: Double, of layer: String? = nil) -> PlanningProblem {
            .invalidValue(field: field, layer: layer, value: value)
        }
        guard version == Self.formatVersion else {
            throw fail(
                "profile has version \(version); this program reads \(Self.formatVersion)",
                .unsupportedVersion(found: version, supported: Self.formatVersion)
            )
        }
        guard !layers.isEmpty else {
            throw fail("profile has no layers; it needs at least one", .noLayers)
        }
        if let rate = linkBytesPerSecond, !(rate.isFinite && rate > 0) {
            throw fail(
                "link_bytes_per_second is \(rate); it must be finite and > 0",
                value("link_bytes_per_second", rate)
            )
        }
        if let rate = linkBytesPerSecond, rate < Self.slowestLink {
            throw fail(
                "link_bytes_per_second is \(rate); it must be at least \(Self.slowestLink)",
                value("link_bytes_per_second", rate)
            )
        }
        let shared = (tiedAllReduceAcrossNodes ?? [:]).sorted { $0.key < $1.key }
            .map { ("tied_allreduce_across_nodes_seconds[\($0.key)]", $0.value) }
        for (field, time) in [("link_latency_seconds", linkLatency ?? .zero)] + shared {
            guard time.value.isFinite, time.value >= 0 else {
                throw fail(
                    "\(field) is \(time.value); it must be finite and >= 0",
                    value(field, time.value)
                )
            }
            guard time <= Self.longestTime else {
                throw fail(
                    "\(field) is \(time.value); it must be at most \(Self.longestTime.value)",
                    value(field, time.value)
                )
            }
        }
        try memoryRule?.validate()
        guard layers.count <= Self.mostLayers else {
            throw fail(
                "profile has \(counted(layers.count, "layer")); it may have \(Self.mostLayers)"
            )
        }
        guard microbatchSize >= 1 else {
            throw fail(
                "microbatch_size is \(microbatchSize); it must be at least 1",
                value("microbatch_size", Double(microbatchSize))
            )
        }
        if let memory = deviceMemory, memory.value < 1 {
            throw fail(
                "device_memory_bytes is \(memory.value); it must be at least 1, or absent for no limit",
                value("device_memory_bytes", Double(memory.value))
            )
        }
        var allBytes = 0
        for layer in layers {
            for count in Set(layer.allReduceInNode.keys).union(layer.allReduceAcrossNodes.keys)
            where count < 1 {
                throw fail(
                    "layer \(layer.name): an all-reduce among \(count); it must be at least 1"
                )
            }
            let times: [(String, Seconds)] =
                [("forward_seconds", layer.forward), ("backward_seconds", layer.backward)]
                + (layer.recomputation.map { [("recomputation.backward_seconds", $0.backward)] }
                    ?? [])
                + layer.allReduceInNode.sorted { $0.key < $1.key }
                .map { ("allreduce_in_node_seconds[\($0.key)]", $0.value) }
                + layer.allReduceAcrossNodes.sorted { $0.key < $1.key }
                .map { ("allreduce_across_nodes_seconds[\($0.key)]", $0.value) }
            for (field, time) in times where !(time.value.isFinite && time.value >= 0) {
                throw fail(
                    "layer \(layer.name): \(field) is \(time.value); it must be finite and >= 0",
                    value(field, time.value, of: layer.name)
                )
            }
            for (field, time) in times where time > Self.longestTime {
                throw fail(
                    "layer \(layer.name): \(field) is \(time.value); "
                        + "it must be at most \(Self.longestTime.value)",
                    value(field, time.value, of: layer.name)
                )
            }
            let sizes = [
                ("parameter_bytes", layer.parameterBytes), ("gradient_bytes", layer.gradientBytes),
                ("optimizer_bytes", layer.optimizerBytes),
                ("activation_bytes", layer.activationBytes), ("output_bytes", layer.outputBytes),
                ("workspace_bytes", layer.workspaceBytes),
                ("recomputation.activation_bytes", layer.recomputation?.activationBytes ?? 0),
                ("recomputation.workspace_bytes", layer.recomputation?.workspaceBytes ?? 0),
            ]
            for (field, size) in sizes where size.value < 0 {
                throw fail(
                    "layer \(layer.name): \(field) is \(size.value); it must be >= 0",
                    value(field, Double(size.value), of: layer.name)
                )
            }
            for (_, size) in sizes {
                let (sum, overflows) = allBytes.addingReportingOverflow(size.value)
                guard !overflows, sum <= Self.mostBytes else {
                    throw fail(
                        "layer \(layer.name): up to it there are more than \(Self.mostBytes) bytes; "
                            + "sizes are in bytes"
                    )
                }
                allBytes = sum
            }
        }
    }
}
