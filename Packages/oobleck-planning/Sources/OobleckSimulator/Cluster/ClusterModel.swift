public import OobleckValues

/// The machines, the model and the prices of a simulation: what everything costs.
public struct ClusterModel: Hashable, Sendable {
    /// Stage times, bytes and device memory.
    public var profile: ModelProfile
    /// Devices of one node.
    public var devicesPerNode: Int
    /// Microbatches of one step.
    public var microbatches: Int
    /// f: node losses always survivable at once.
    public var faultTolerance: Int
    /// How a pipeline's time is estimated.
    public var costModel: CostModel
    /// Tokens of one sample; 0 if samples are not text.
    public var tokensPerSample: Int
    /// Bytes that a node sends or receives in a second.
    public var networkBandwidth: Double
    /// Bytes that all nodes together read or write in a second at the checkpoint store.
    public var storageBandwidth: Double
    /// Bytes that a node copies from its devices to its memory in a second.
    public var snapshotBandwidth: Double
    /// From the end of a process to the end of waiting for it.
    public var crashDetection: Seconds
    /// From a silent hang to the end of waiting for it.
    public var hangDetection: Seconds
    /// Deciding, and rebuilding the process groups among living processes.
    public var rebuild: RebuildTime
    /// Starting all processes anew, without loading a checkpoint.
    public var restart: Seconds
    /// Steps until a slow node is known for one.
    public var slowDetectionSteps: Int
    /// Dollars of one node in one hour.
    public var nodePrice: Double
    /// Dollars of a device in one hour: the spot price of a V100 instance in Bamboo's simulator.
    public static let devicePrice = 0.91

    /// A cluster of one kind of node.
    ///
    /// By default links of 200 Gbit/s, a store of 20 GB/s, snapshots over PCIe at 10 GB/s, crashes
    /// noticed in 5 ms, as measured, and hangs in 2 s (the default detection budget),
    /// ``RebuildLaw/measured`` to rebuild process groups, 60 s to start anew, and ``devicePrice`` for
    /// each device of a node.
    public init(
        profile: ModelProfile,
        devicesPerNode: Int = 1,
        microbatches: Int,
        faultTolerance: Int = 1,
        costModel: CostModel = .sosp23,
        tokensPerSample: Int = 0,
        networkBandwidth: Double = 25e9,
        storageBandwidth: Double = 20e9,
        snapshotBandwidth: Double = 10e9,
        crashDetection: Seconds = 0.005,
        hangDetection: Seconds = 2,
        rebuild: RebuildTime = .law(.measured),
        restart: Seconds = 60,
        slowDetectionSteps: Int = 5,
        nodePrice: Double? = nil
    ) {
        self.profile = profile
        self.devicesPerNode = devicesPerNode
        self.microbatches = microbatches
        self.faultTolerance = faultTolerance
        self.costModel = costModel
        self.tokensPerSample = tokensPerSample
        self.networkBandwidth = networkBandwidth
        self.storageBandwidth = storageBandwidth
        self.snapshotBandwidth = snapshotBandwidth
        self.crashDetection = crashDetection
        self.hangDetection = hangDetection
        self.rebuild = rebuild
        self.restart = restart
        self.slowDetectionSteps = slowDetectionSteps
        self.nodePrice = nodePrice ?? Self.devicePrice * Double(devicesPerNode)
    }

    /// Throws ``OobleckError/Code/usage`` or ``OobleckError/Code/inputData`` for values that make no
    /// sense.
    public func validate() throws {
        try profile.validate()
        let positive = [
            ("network bandwidth", networkBandwidth), ("storage bandwidth", storageBandwidth),
            ("snapshot bandwidth", snapshotBandwidth),
        ]
        for (name, value) in positive where !(value.isFinite && value > 0) {
            throw OobleckError(.usage, "\(name) is \(value); it must be more than 0")
        }
        let times = [
            ("crash detection", crashDetection.value), ("hang detection", hangDetection.value),
            ("restart time", restart.value),
            ("price of a node", nodePrice),
        ]
        for (name, value) in times where !(value.isFinite && value >= 0) {
            throw OobleckError(.usage, "\(name) is \(value); it must be at least 0")
        }
        if case .constant(let time) = rebuild, !(time.value.isFinite && time.value >= 0) {
            throw OobleckError(.usage, "rebuild time is \(time.value); it must be at least 0")
        }
        guard microbatches > 0 else {
            throw OobleckError(
                .usage,
                "microbatches of a step are \(microbatches); there must be at least 1"
            )
        }
    }

    /// Samples of one step.
    public var samplesPerStep: Int { microbatches * profile.microbatchSize }

    /// Parameters and optimizer state of the whole model.
    public var stateBytes: Int { profile.layers.reduce(0) { $0 + $1.stateBytes.value } }

    /// How long the nodes wait for a loss.
    func detection(_ loss: ClusterEvent.Loss) -> SimulatedTime {
        SimulatedTime(loss == .hang ? hangDetection : crashDetection)
    }

    /// How long a node takes to get so many bytes from others.
    func copyTime(bytes: Int) -> SimulatedTime {
        SimulatedTime(Seconds(Double(bytes) / networkBandwidth))
    }

    /// How long `holders` nodes take to write one copy of the whole state, or all to read it.
    func storageTime(copies: Int = 1) -> SimulatedTime {
        SimulatedTime(Seconds(Double(copies) * Double(stateBytes) / storageBandwidth))
    }

    /// How long the step is held up for a copy in memory of a share of the state.
    func snapshotTime(nodesPerPipeline: Int) -> SimulatedTime {
        SimulatedTime(
            Seconds(Double(stateBytes) / Double(max(1, nodesPerPipeline)) / snapshotBandwidth)
        )
    }
}
