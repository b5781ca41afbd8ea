extension Reconfiguration {
    /// The workers of a pipeline of this plan, by stage.
    package func workers(of pipeline: Pipeline) -> [WorkerID] {
        template(of: pipeline).workers(on: pipeline.nodes)
    }

    /// The layers that each worker with a stage holds under the plan, ascending.
    ///
    /// Workers of devices without a stage are left out.
    package var layersByWorker: [WorkerID: [Int]] {
        plan.layersByWorker { template(of: $0) }
    }
}
