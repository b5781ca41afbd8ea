import OobleckCore

/// What this engine needs of a plan: one stage for each worker, and every layer of the model once in
/// each pipeline.
struct PlanRequirements {
    let layerCount: Int
    let microbatchCount: Int

    /// Throws one line that names what `reconfiguration` asks for and this engine cannot do.
    func check(_ reconfiguration: Reconfiguration) throws {
        var stages: [WorkerID: String] = [:]
        for (index, pipeline) in reconfiguration.plan.pipelines.enumerated() {
            let template = try template(of: pipeline, index, in: reconfiguration)
            try checkLayers(template, pipeline: index)
            for (stage, worker) in reconfiguration.workers(of: pipeline).enumerated() {
                let name = "stage \(stage) of pipeline \(index)"
                if let other = stages.updateValue(name, forKey: worker) {
                    throw refusal(
                        "gives worker \(worker) \(other) and \(name); a worker runs one stage"
                    )
                }
            }
        }
        let microbatches = reconfiguration.plan.pipelines.reduce(0) { $0 + $1.microbatches }
        guard microbatches == microbatchCount else {
            throw refusal(
                "has \(counted(microbatches, "microbatch")); a step has \(microbatchCount)"
            )
        }
        for transfer in reconfiguration.transfers where !(0..<layerCount).contains(transfer.layer) {
            throw refusal("copies layer \(transfer.layer); \(modelLayers)")
        }
    }

    private func template(
        of pipeline: Pipeline,
        _ index: Int,
        in reconfiguration: Reconfiguration
    ) throws -> PipelineTemplate {
        let template = reconfiguration.templates.first { $0.nodes == pipeline.templateNodes }
        guard let template else {
            let nodes = counted(pipeline.templateNodes, "node")
            throw refusal("has no template of \(nodes), which pipeline \(index) follows")
        }
        guard pipeline.nodes.count == template.nodes,
            template.stages.allSatisfy({ (0..<template.nodes).contains($0.node) })
        else {
            let nodes = counted(pipeline.nodes.count, "node")
            throw refusal("has \(nodes) in pipeline \(index), and a template of \(template.nodes)")
        }
        return template
    }

    private func checkLayers(_ template: PipelineTemplate, pipeline: Int) throws {
        var next = 0
        for (index, stage) in template.stages.enumerated() {
            let name = "stage \(index) of pipeline \(pipeline)"
            guard stage.devices == 1 else {
                let devices = counted(stage.devices, "device")
                throw refusal("gives \(name) \(devices); a stage runs on one device")
            }
            guard stage.firstLayer == next, stage.endLayer > next, stage.endLayer <= layerCount
            else {
                let layers = "layers \(stage.firstLayer)..<\(stage.endLayer)"
                throw refusal("gives \(name) \(layers) after \(next) others; \(modelLayers)")
            }
            next = stage.endLayer
        }
        guard next == layerCount else {
            throw refusal("gives pipeline \(pipeline) \(counted(next, "layer")); \(modelLayers)")
        }
    }

    private var modelLayers: String { "the model has layers 0..<\(layerCount)" }

    private func refusal(_ what: String) -> OobleckError {
        OobleckError(.internalFault, "this engine cannot run the plan: it \(what)")
    }
}
