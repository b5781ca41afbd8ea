import ArgumentParser
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckPaperSimulator
import OobleckPlanning
import OobleckSimulator

/// What things cost, for `oobleck simulate`.
struct CostOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: "Devices of each node; a power of two. [by the model]")
    var devicesPerNode: Int?

    @Option(parsing: .unconditional, help: "Microbatches of one step. [by the model]")
    var microbatches: Int?

    @Option(parsing: .unconditional, help: "Node losses always survivable at once. [1]")
    var faultTolerance: Int?

    @Option(help: "How a pipeline's time is estimated. [sosp23]")
    var costModel: CostModel?

    @Option(parsing: .unconditional, help: "Operations a second of a device. [by the model]")
    var deviceFlops: Double?

    @Option(parsing: .unconditional, help: "Bytes a second of a node's link. [25e9]")
    var networkBandwidth: Double?

    @Option(parsing: .unconditional, help: "Bytes a second of the checkpoint store. [20e9]")
    var storageBandwidth: Double?

    @Option(parsing: .unconditional, help: "Seconds to notice a crash. [0.005]")
    var crashDetection: Double?

    @Option(parsing: .unconditional, help: "Seconds to notice a hang. [2]")
    var hangDetection: Double?

    @Option(
        parsing: .unconditional,
        help: "Seconds to decide and rebuild process groups. [by a measured law]"
    )
    var rebuild: Double?

    @Option(
        parsing: .unconditional,
        help: "Seconds to start all processes anew. [60]"
    )
    var restart: Double?

    @Option(
        parsing: .unconditional,
        help: "Seconds for varuna alone, or \"paper\": 76, 83, 78.7, 515, 701. [--restart]"
    )
    var varunaRestart: String?

    @Option(parsing: .unconditional, help: "Steps between checkpoints. [Young and Daly]")
    var checkpointSteps: Int?

    @Option(parsing: .unconditional, help: "Seconds between checkpoints. [Young and Daly]")
    var checkpointSeconds: Double?

    @Option(
        parsing: .unconditional,
        help: "Seconds between checkpoints of policies that copy from live nodes first. [3600]"
    )
    var backupSeconds: Double?

    @Option(parsing: .unconditional, help: "Spare nodes of hot-spares. [1]")
    var reserve: Int?

    @Option(parsing: .unconditional, help: "Dollars of a node and hour. [0.91 a device]")
    var price: Double?

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

    /// What to tell of options that no policy uses.
    func notes(_ policies: [SimulatedPolicy]) -> [String] {
        let fromCheckpoints: Set<SimulatedPolicy> = [.checkpoint, .asynchronousCheckpoint, .varuna]
        var notes: [String?] = []
        if fromCheckpoints.isDisjoint(with: policies) {
            notes.append(
                IdleOptions([
                    ("--checkpoint-steps", checkpointSteps),
                    ("--checkpoint-seconds", checkpointSeconds),
                ])
                .note("without policy checkpoint, checkpoint-async or varuna; see --backup-seconds")
            )
        }
        if policies.allSatisfy({ fromCheckpoints.contains($0) || $0.isBound }) {
            notes.append(
                IdleOptions([("--backup-seconds", backupSeconds)])
                    .note("without a policy that copies from live nodes")
            )
        }
        if !policies.contains(.varuna) {
            notes.append(
                IdleOptions([("--varuna-restart", varunaRestart)]).note("without policy varuna")
            )
        }
        if !policies.contains(.hotSpares) {
            notes.append(IdleOptions([("--reserve", reserve)]).note("without policy hot-spares"))
        }
        return notes.compactMap { $0 }
    }

    /// Throws `.usage` when any of the options is given, for the reason.
    func refuseAll(_ reason: String) throws {
        try IdleOptions([
            ("--devices-per-node", devicesPerNode), ("--microbatches", microbatches),
            ("--fault-tolerance", faultTolerance), ("--cost-model", costModel),
            ("--device-flops", deviceFlops), ("--network-bandwidth", networkBandwidth),
            ("--storage-bandwidth", storageBandwidth), ("--crash-detection", crashDetection),
            ("--hang-detection", hangDetection), ("--rebuild", rebuild), ("--restart", restart),
            ("--checkpoint-steps", checkpointSteps), ("--checkpoint-seconds", checkpointSeconds),
            ("--backup-seconds", backupSeconds), ("--reserve", reserve), ("--price", price),
            ("--varuna-restart", varunaRestart),
        ])
        .refuse(reason)
    }

    /// How long Varuna takes to start anew, if not as long as all.
    func varunaRestart(of model: String?) throws -> Seconds? {
        guard let varunaRestart else { return nil }
        if varunaRestart == "paper" {
            guard let model else {
                throw OobleckError(
                    .usage,
                    "--varuna-restart paper needs --model, one of the paper's"
                )
            }
            return try PaperModel(name: model).varunaRestart
        }
        guard let seconds = Double(varunaRestart), seconds >= 0, seconds.isFinite else {
            throw OobleckError(
                .usage,
                "--varuna-restart is \(varunaRestart); it must be seconds, at least 0, or paper"
            )
        }
        return Seconds(seconds)
    }

    /// How fast devices are taken to be, and why, in one line; `nil` for a measured profile.
    func speedNote(model: String?) throws -> String? {
        guard let model, deviceFlops == nil else { return nil }
        let shape = try TransformerShape.named(model)
        let peak = Console.decimal(shape.device.peakOperationsPerSecond / 1e12, 1)
        let reached = Console.decimal(shape.operationsPerSecond / 1e12, 1)
        return "devices reach \(reached) of \(peak) TFLOP/s: " + shape.efficiencySource
    }

    func cluster(model: String?, profile: String?) throws -> ClusterModel {
        guard (model == nil) != (profile == nil) else {
            throw OobleckError(.usage, "give --model or --profile, one of them")
        }
        if let reserve, reserve < 0 {
            throw OobleckError(
                .usage,
                "reserve is \(counted(reserve, "node")); it must be at least 0"
            )
        }
        let networkBandwidth = networkBandwidth ?? 25e9
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
            }
            known = shape.profile(device, operationsPerSecond: deviceFlops)
            (devices, batch, tokens) = (shape.devicesPerNode, shape.microbatches, shape.sequence)
        } else {
            try IdleOptions([("--device-flops", deviceFlops)]).refuse(
                "beside --profile, which says how long each layer takes"
            )
            known = try ModelProfile(contentsOf: profile ?? "")
        }
        guard let count = microbatches ?? (batch > 0 ? batch : nil) else {
            throw OobleckError(.usage, "with --profile give --microbatches too")
        }
        let cluster = ClusterModel(
            profile: known,
            devicesPerNode: devicesPerNode ?? devices,
            microbatches: count,
            faultTolerance: faultTolerance ?? 1,
            costModel: costModel ?? .sosp23,
            tokensPerSample: tokens,
            networkBandwidth: networkBandwidth,
            storageBandwidth: storageBandwidth ?? 20e9,
            crashDetection: Seconds(crashDetection ?? 0.005),
            hangDetection: Seconds(hangDetection ?? 2),
            rebuild: rebuild.map { .constant(Seconds($0)) } ?? .law(.measured),
            restart: Seconds(restart ?? 60),
            nodePrice: price
        )
        try cluster.validate()
        return cluster
    }
}
