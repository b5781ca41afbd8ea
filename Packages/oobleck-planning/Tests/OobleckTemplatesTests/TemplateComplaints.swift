import OobleckValues

extension ExhaustiveTemplates {
    /// What is wrong with an answer: none if it follows the rules and has the least T there is.
    func complaints(_ template: PipelineTemplate?, nodes: Int) -> [String] {
        let expected = minimum(nodes: nodes)
        guard let template, let expected else {
            return (template == nil) == (expected == nil) ? [] : ["existence"]
        }
        var complaints: [String] = []
        func demand(_ holds: Bool, _ complaint: String) {
            if !holds { complaints.append(complaint) }
        }
        // Both sum the same terms in another order: some units in the last place.
        demand(abs(template.iteration.value - expected) <= 1e-12 * expected, "least T")
        demand(template.leastIteration == nil, "proof")
        let stages = template.stages
        demand(template.nodes == nodes, "node count")
        demand(stages.flatMap(\.layers) == Array(profile.layers.indices), "layers")
        for node in 0..<nodes {
            let devices = stages.filter { $0.node == node }.map(\.devices)
            demand(devices.reduce(0, +) == devicesPerNode, "devices of node \(node)")
            demand(devices.allSatisfy { $0.nonzeroBitCount == 1 }, "split of node \(node)")
        }
        demand(stages.map(\.node) == stages.map(\.node).sorted(), "order of nodes")
        for (index, stage) in stages.enumerated() {
            let times = times(stage.layers, devices: stage.devices)
            demand(stage.forward.value == times.forward, "forward time of stage \(index)")
            demand(stage.backward.value == times.backward, "backward time of stage \(index)")
            let inFlight = stages.count - index
            demand(
                fits(stage.layers, devices: stage.devices, inFlight: inFlight),
                "memory of stage \(index)"
            )
        }
        let handovers = times(stages.map { ($0.layers, $0.devices) })
        for (index, (stage, times)) in zip(stages, handovers).enumerated() {
            let isCharged = costModel == .schedule
            demand(stage.handover.busy.value == (isCharged ? times.busy : 0), "link of \(index)")
            demand(
                stage.handover.latency.value == (isCharged ? times.latency : 0),
                "latency of \(index)"
            )
        }
        let time = iterationTime(
            zip(stages, handovers).map { stage, times in
                Times(
                    forward: stage.forward.value,
                    backward: stage.backward.value,
                    busy: times.busy,
                    latency: times.latency
                )
            },
            devices: nodes * devicesPerNode
        )
        demand(abs(template.iteration.value - time) <= 1e-12 * time, "T of its stages")
        return complaints
    }
}
