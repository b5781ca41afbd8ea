import OobleckCore
import OobleckData
import OobleckModels
import OobleckTensor

/// Gets one worker ready for a plan: forms its groups, makes or fetches its layers.
struct Preparation {
    let worker: WorkerID
    let host: String
    let job: JobSpecification
    let model: any LayeredModel
    let faults: FaultInjector

    /// Prepares for `reconfiguration`.
    ///
    /// `held` are the layers that the worker holds now.
    func run(
        _ reconfiguration: Reconfiguration,
        resources: GenerationResources,
        held: [Int: LayerState]
    ) throws -> (prepared: PreparedGeneration, report: PreparationReport) {
        try PlanRequirements(
            layerCount: job.model.layerCount,
            microbatchCount: job.training.microbatchCount
        ).check(reconfiguration)
        let step = reconfiguration.committedSteps
        let groupPlan = GroupPlan(
            reconfiguration,
            layerCount: job.model.layerCount,
            tied: ParameterLayout.tiedParameters(of: job.model)
        )
        let deadlines = Deadlines(
            budget: job.cluster.detectionBudget,
            step: reconfiguration.expectedStep,
            link: reconfiguration.linkBytesPerSecond
        )
        let copies = deadlines.transfer(reconfiguration.mostReceived)
        let rebuildWatch = Stopwatch()
        for (index, group) in groupPlan.groups.enumerated() {
            guard let rank = group.members.firstIndex(of: worker) else { continue }
            let isForCopies = group.name == groupPlan.transferGroup
            let wait = isForCopies ? max(deadlines.collective, copies) : deadlines.collective
            if index > 0 { faults.reach(.midRebuild, step: step) }
            try resources.checkAborted()
            resources.add(
                try CommunicationGroup(
                    store: resources.store,
                    name: group.name,
                    rank: rank,
                    size: group.members.count,
                    host: host,
                    formationMilliseconds: deadlines.formation.milliseconds,
                    waitMilliseconds: wait.milliseconds
                ),
                name: group.name
            )
        }
        let rebuild = rebuildWatch.elapsed
        let transferWatch = Stopwatch()
        let (layers, received) = try gatherLayers(
            reconfiguration,
            groupPlan: groupPlan,
            resources: resources,
            held: held
        )
        try resources.checkAborted()
        faults.reach(.beforePrepared, step: step)
        let prepared = PreparedGeneration(
            reconfiguration: reconfiguration,
            assignment: StageAssignment(worker: worker, in: reconfiguration),
            groupPlan: groupPlan,
            resources: resources,
            layers: layers
        )
        let report = PreparationReport(
            generation: reconfiguration.generation,
            rebuild: rebuild,
            transfer: received.value > 0 ? transferWatch.elapsed : 0,
            received: received
        )
        return (prepared, report)
    }

    private func gatherLayers(
        _ reconfiguration: Reconfiguration,
        groupPlan: GroupPlan,
        resources: GenerationResources,
        held: [Int: LayerState]
    ) throws -> (layers: [Int: LayerState], received: ByteCount) {
        var arrived: [Int: LayerState] = [:]
        if let group = resources.group(groupPlan.transferGroup),
            let members = groupPlan.groups.first(where: { $0.name == groupPlan.transferGroup })
        {
            let mover = LayerMover(
                worker: worker,
                model: job.model,
                trained: job.training.trained,
                members: members.members,
                group: group,
                afterFirst: {
                    faults.reach(.midTransfer, step: reconfiguration.committedSteps)
                }
            )
            arrived = try mover.run(reconfiguration.transfers, held: held)
        }
        let wanted = reconfiguration.layersByWorker[worker] ?? []
        if let point = reconfiguration.restore { return try restore(wanted, from: point) }
        var layers: [Int: LayerState] = [:]
        for layer in wanted {
            if reconfiguration.committedSteps == 0 {
                // Layers that were made earlier are made again too: they may be damaged, and
                // contain no training.
                layers[layer] = try initialState(layer: layer)
            } else if let state = arrived[layer] ?? held[layer] {
                layers[layer] = state
            } else {
                throw OobleckError(
                    .internalFault,
                    "node \(worker) needs layer \(layer) and no transfer brings it"
                )
            }
        }
        let received = arrived.values.reduce(ByteCount.zero) { $0 + $1.byteCount }
        return (layers, received)
    }

    /// The layers that the node holds no longer count: all layers come from a checkpoint.
    private func restore(
        _ layers: [Int],
        from point: RestorePoint
    ) throws -> (layers: [Int: LayerState], received: ByteCount) {
        guard point.layerSHA256.count == job.model.layerCount else {
            let count = point.layerSHA256.count
            throw OobleckError(
                .internalFault,
                "told to restore a checkpoint of \(count) layers; the model has "
                    + "\(job.model.layerCount)"
            )
        }
        let loader = CheckpointLoader(
            point: point,
            model: job.model,
            trained: job.training.trained
        ) {
            faults.reach(.midRestore, step: point.step)
        }
        let loaded = try loader.run(layers)
        return (loaded, loaded.values.reduce(ByteCount.zero) { $0 + $1.byteCount })
    }

    private func initialState(layer: Int) throws -> LayerState {
        let state = try LayerState(
            layer: layer,
            model: job.model,
            trained: job.training.trained
        )
        try model.initialize(state, seed: job.training.seed)
        return state
    }
}
