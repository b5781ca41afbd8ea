extension PipelineTemplate {
    /// The device of its node on which stage `index` runs, the first one where it has several.
    ///
    /// The stages of a node take its devices in their order.
    public func device(ofStage index: Int) -> Int {
        stages[..<index].reduce(0) { device, stage in
            stage.node == stages[index].node ? device + stage.devices : device
        }
    }

    /// The workers of a pipeline on these nodes, by stage.
    public func workers(on nodes: [NodeID]) -> [WorkerID] {
        stages.indices.map { WorkerID(nodes[stages[$0].node], device: device(ofStage: $0)) }
    }
}

extension ExecutionPlan {
    /// The layers that each worker with a stage holds, ascending; `template` says what a pipeline follows.
    public func layersByWorker(
        _ template: (Pipeline) -> PipelineTemplate?
    ) -> [WorkerID: [Int]] {
        var layers: [WorkerID: [Int]] = [:]
        for pipeline in pipelines {
            guard let template = template(pipeline) else { continue }
            for (stage, worker) in zip(template.stages, template.workers(on: pipeline.nodes)) {
                layers[worker] = Array(stage.layers)
            }
        }
        return layers
    }
}
