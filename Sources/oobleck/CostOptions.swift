import ArgumentParser
import OobleckCore
import OobleckData
import OobleckSimulator

/// What things cost, for `oobleck simulate`.
struct CostOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: "Devices of each node; a power of two. [by the model]")
    var devicesPerNode: Int?

    @Option(parsing: .unconditional, help: "Microbatches of one step. [by the model]")
    var microbatches: Int?

    @Option(parsing: .unconditional, help: "Node losses always survivable at once.")
    var faultTolerance = 1

    @Option(help: "How a pipeline's time is estimated.")
    var costModel = CostModel.sosp23

    @Option(parsing: .unconditional, help: "Operations a second of a device. [by the model]")
    var deviceFlops: Double?

    @Option(parsing: .unconditional, help: "Bytes a second of a node's link.")
    var networkBandwidth = 25e9

    @Option(parsing: .unconditional, help: "Bytes a second of the checkpoint store.")
    var storageBandwidth = 20e9

    @Option(parsing: .unconditional, help: "Seconds to notice a crash.")
    var crashDetection = 0.05

    @Option(parsing: .unconditional, help: "Seconds to notice a hang.")
    var hangDetection = 2.0

    @Option(parsing: .unconditional, help: "Seconds to decide and rebuild process groups.")
    var rebuild = 1.0

    @Option(parsing: .unconditional, help: "Seconds to start all processes anew.")
    var restart = 60.0

    @Option(parsing: .unconditional, help: "Steps between checkpoints. [Young and Daly]")
    var checkpointSteps: Int?

    @Option(parsing: .unconditional, help: "Seconds between checkpoints. [Young and Daly]")
    var checkpointSeconds: Double?

    @Option(
        parsing: .unconditional,
        help: "Seconds between checkpoints of policies that copy from live nodes first."
    )
    var backupSeconds = 3600.0

    @Option(parsing: .unconditional, help: "Spare nodes of hot-spares.")
    var reserve = 1

    @Option(parsing: .unconditional, help: "Dollars of a node and hour.")
    var price = 0.91

    var interval: CheckpointPlan.Interval {
        get throws {
            switch (checkpointSteps, checkpointSeconds) {
            case (nil, nil): return .youngDaly
            case (let steps?, nil) where steps > 0: return .steps(steps)
            case (nil, let seconds?) where seconds > 0 && seconds.isFinite:
                return .time(Seconds(seconds))
            default:
                throw OobleckError(
                    .usage,
                    "give --checkpoint-steps or --checkpoint-seconds, more than 0, not both"
                )
            }
        }
    }

    func cluster(model: String?, profile: String?) throws -> ClusterModel {
        guard (model == nil) != (profile == nil) else {
            throw OobleckError(.usage, "give --model or --profile, one of them")
        }
        guard reserve >= 0 else {
            throw OobleckError(
                .usage,
                "reserve is \(counted(reserve, "node")); it must be at least 0"
            )
        }
        var known: ModelProfile
        var (devices, batch, tokens) = (1, 0, 0)
        if let model {
            let shape = try TransformerShape.named(model)
            var device = shape.device
            device.networkBandwidth = networkBandwidth
            if let deviceFlops {
                guard deviceFlops.isFinite, deviceFlops > 0 else {
                    throw OobleckError(
                        .usage,
                        "device FLOP/s are \(deviceFlops); they must be more than 0"
                    )
                }
                device.operationsPerSecond = deviceFlops
            }
            known = shape.profile(device)
            (devices, batch, tokens) = (shape.devicesPerNode, shape.microbatches, shape.sequence)
        } else {
            known = try ModelProfile.load(path: profile ?? "")
        }
        guard let count = microbatches ?? (batch > 0 ? batch : nil) else {
            throw OobleckError(.usage, "with --profile give --microbatches too")
        }
        let cluster = ClusterModel(
            profile: known,
            devicesPerNode: devicesPerNode ?? devices,
            microbatches: count,
            faultTolerance: faultTolerance,
            costModel: costModel,
            tokensPerSample: tokens,
            networkBandwidth: networkBandwidth,
            storageBandwidth: storageBandwidth,
            crashDetection: Seconds(crashDetection),
            hangDetection: Seconds(hangDetection),
            rebuild: Seconds(rebuild),
            restart: Seconds(restart),
            nodePrice: price
        )
        try cluster.validate()
        return cluster
    }
}
