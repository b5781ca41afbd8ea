import OobleckCoordination
import OobleckCore
import OobleckReconfiguration
import Synchronization

extension ToyModel {
    static let shared = ToyModel()
    static let microbatchCount = 8
    static let microbatchSize = 4
    /// Fewest nodes of one device that can hold the model.
    static let minimumNodes = 2

    /// The undisturbed run: states before each step and after the last, losses and norms.
    typealias Reference = (states: [[UInt64]], losses: [Double], norms: [Double])

    /// A coordinator for a world.
    package func worldCoordinator(_ setup: WorldSetup) throws -> Coordinator {
        Coordinator(
            job: job(setup),
            profile: Self.profile,
            reconfigurator: try reconfigurator(setup)
        )
    }

    func job(_ setup: WorldSetup) -> JobSpecification {
        var job = job(
            nodes: setup.nodes,
            steps: setup.steps,
            faultTolerance: setup.faultTolerance,
            checkpoint: setup.checkpoint
        )
        job.cluster.devicesPerNode = setup.devices == 1 ? nil : setup.devices
        if let limit = setup.skipLimit { job.training.skipLimit = limit }
        job.validation = setup.evaluationPeriod.map {
            ValidationSpecification(every: $0, batches: 1, dataPath: "validation.txt")
        }
        return job
    }

    /// Templates and choices are made once for each fault tolerance and count of devices.
    func reconfigurator(_ setup: WorldSetup) throws -> Reconfigurator {
        let key = [setup.faultTolerance, setup.devices]
        return try Self.prepared.withLock { prepared in
            if let known = prepared[key] { return known }
            var made = try Reconfigurator(
                profile: Self.profile,
                costModel: .sosp23,
                faultTolerance: setup.faultTolerance,
                microbatches: Self.microbatchCount,
                devicesPerNode: setup.devices,
                sharesStages: false
            )
            for nodes in (setup.minimumNodes...Self.mostNodes).reversed() {
                made.prepareForLosses(nodes: nodes)
            }
            prepared[key] = made
            return made
        }
    }

    /// A coordinator of a model that one node can hold alone, so that three nodes can lose one; one
    /// that restarts if there is a state to start from.
    func roomyCoordinator(
        nodes: Int,
        steps: Int,
        restoring state: DurableState? = nil
    ) throws -> Coordinator {
        let job = job(nodes: nodes, steps: steps)
        guard let state else {
            return Coordinator(
                job: job,
                profile: Self.roomyProfile,
                reconfigurator: try Self.roomyReconfigurator.get()
            )
        }
        return try Coordinator(
            restoring: state,
            job: job,
            profile: Self.roomyProfile,
            reconfigurator: try Self.roomyReconfigurator.get()
        )
    }

    private static let roomyProfile = {
        var profile = Self.profile
        profile.deviceMemory = nil
        return profile
    }()

    private static let roomyReconfigurator = Result {
        try Reconfigurator(
            profile: roomyProfile,
            costModel: .sosp23,
            faultTolerance: 1,
            microbatches: microbatchCount
        )
    }

    private static let mostNodes = 12
    private static let prepared = Mutex<[[Int]: Reconfigurator]>([:])
}
