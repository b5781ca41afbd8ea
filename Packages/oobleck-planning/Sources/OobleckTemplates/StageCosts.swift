public import OobleckValues

/// Time and memory of every possible stage of a model (`Documentation/Planner.md`, P1 to P3).
///
/// Built in O(L^2 log G) time and space for L layers and G devices a node; each answer is O(1).
public struct StageCosts: Sendable {
    /// How many layers the model has.
    public let layerCount: Int
    /// Devices of one node that stages take.
    public let devicesPerNode: Int
    /// Memory of one device; `nil` is unlimited.
    public let deviceMemory: ByteCount?
    /// The device counts a stage can have: the powers of two up to ``devicesPerNode``, or one alone.
    public let widths: [Int]

    /// Forward and backward seconds by width, first layer and end layer.
    private let forwardTimes: [Double]
    private let backwardTimes: [Double]
    private let memoryRule: MemoryRule?
    /// Bytes of parameters and optimizer state of the layers before the index.
    private let stateBefore: [Int]
    /// Bytes of gradients of the layers before the index.
    private let gradientsBefore: [Int]
    /// Bytes of one microbatch's activations of the layers before the index.
    private let activationsBefore: [Int]
    /// The greatest workspace, and the greatest input or output, of the layers of a stage.
    private let workspaces: RangeMaxima
    private let boundaries: RangeMaxima
    /// By the layer before which stages on two nodes meet; free at both ends of the model.
    private let handovers: [Handover]

    /// The costs of a profile's stages.
    ///
    /// Throws ``OobleckError`` for a profile that makes no sense or a device count that is not a
    /// power of two.
    public init(profile: ModelProfile, devicesPerNode: Int) throws {
        guard devicesPerNode > 0, devicesPerNode & (devicesPerNode - 1) == 0 else {
            throw OobleckError(
                .usage,
                "devices per node is \(devicesPerNode); it must be a power of two"
            )
        }
        let widths = (0...devicesPerNode.trailingZeroBitCount).map { 1 << $0 }
        try self.init(profile, devicesPerNode: devicesPerNode, widths: widths)
    }

    /// The costs of stages of one device each, `stagesPerNode` of them on every node.
    ///
    /// Throws ``OobleckError`` for a profile that makes no sense.
    init(profile: ModelProfile, stagesPerNode: Int) throws {
        try self.init(profile, devicesPerNode: stagesPerNode, widths: [1])
    }

    private init(_ profile: ModelProfile, devicesPerNode: Int, widths: [Int]) throws {
        try profile.validate()
        try Self.checkSizes(profile)
        layerCount = profile.layers.count
        self.devicesPerNode = devicesPerNode
        deviceMemory = profile.deviceMemory
        self.widths = widths

        func sumsBefore(_ bytes: (LayerProfile) -> ByteCount) -> [Int] {
            profile.layers.reduce(into: [0]) { sums, layer in
                sums.append(sums[sums.count - 1] + bytes(layer).value)
            }
        }
        memoryRule = profile.memoryRule
        stateBefore = sumsBefore(\.stateBytes)
        gradientsBefore = sumsBefore(\.gradientBytes)
        activationsBefore = sumsBefore(\.activationBytes)
        workspaces = RangeMaxima(profile.layers.map(\.workspaceBytes.value))
        boundaries = RangeMaxima(
            profile.layers.indices.map { profile.boundaryBytes(ofLayer: $0).value }
        )
        handovers = Self.handovers(profile)
        let stride = layerCount + 1
        var forward = [Double](repeating: 0, count: widths.count * stride * stride)
        var backward = forward
        for (widthIndex, width) in widths.enumerated() {
            let reduction = profile.layers.map { $0.allReduceTime(amongDevices: width).value }
            for first in 0..<layerCount {
                // Summed afresh in layer order for each first layer: equal stages then have equal
                // times to the last bit, which prefix sums would not give, and ties matter.
                var sums = (forward: 0.0, backward: 0.0, reduction: 0.0)
                for last in first..<layerCount {
                    sums.forward += profile.layers[last].forward.value
                    sums.backward += profile.layers[last].backward.value
                    sums.reduction += reduction[last]
                    let index = (widthIndex * stride + first) * stride + last + 1
                    forward[index] = sums.forward / Double(width) + sums.reduction
                    backward[index] = sums.backward / Double(width) + sums.reduction
                }
            }
        }
        forwardTimes = forward
        backwardTimes = backward
    }

    /// Forward time of one microbatch through the stage (F).
    public func forward(_ layers: Range<Int>, devices: Int) -> Seconds {
        Seconds(forwardTimes[index(layers, widthIndex: devices.trailingZeroBitCount)])
    }

    /// Backward time of one microbatch through the stage (B).
    public func backward(_ layers: Range<Int>, devices: Int) -> Seconds {
        Seconds(backwardTimes[index(layers, widthIndex: devices.trailingZeroBitCount)])
    }

    /// How a microbatch gets from a stage that ends before the layer to one on another node: the
    /// output of the layer before over the profile's link.
    func handover(before layer: Int) -> Handover { handovers[layer] }

    /// The same after a stage up to whose end `devicesUsed` devices are used: free inside a node.
    func handover(before layer: Int, devicesUsed: Int) -> Handover {
        devicesUsed % devicesPerNode == 0 ? handovers[layer] : .free
    }

    private static func handovers(_ profile: ModelProfile) -> [Handover] {
        let between = profile.layers.dropLast().map { layer in
            Handover(
                busy: profile.linkBytesPerSecond.map {
                    Seconds(Double(layer.outputBytes.value) / $0)
                } ?? .zero,
                latency: profile.linkLatency ?? .zero
            )
        }
        return [.free] + between + [.free]
    }

    /// Memory that the stage needs on all its devices together, with that many microbatches'
    /// activations kept at once.
    public func memory(_ layers: Range<Int>, microbatchesInFlight: Int) -> ByteCount {
        parts(layers, microbatchesInFlight: microbatchesInFlight).total
    }

    /// ``ModelProfile/memory(ofLayers:inFlight:)``, in constant time.
    func parts(_ layers: Range<Int>, microbatchesInFlight: Int) -> StageMemory {
        func sum(_ before: [Int]) -> ByteCount {
            ByteCount(before[layers.upperBound] - before[layers.lowerBound])
        }
        return StageMemory(
            rule: memoryRule,
            state: sum(stateBefore),
            gradients: sum(gradientsBefore),
            activations: sum(activationsBefore),
            workspace: ByteCount(workspaces.maximum(layers)),
            boundary: ByteCount(boundaries.maximum(layers)),
            inFlight: microbatchesInFlight
        )
    }

    /// The fewest stages of a division over `nodes` nodes: each node's devices in the widest ones.
    func fewestStages(nodes: Int) -> Int { nodes * devicesPerNode / (widths.last ?? 1) }

    /// Whether the stage fits the memory of its devices.
    public func fits(_ layers: Range<Int>, devices: Int, microbatchesInFlight: Int) -> Bool {
        guard let deviceMemory else { return true }
        let (limit, overflows) = deviceMemory.value.multipliedReportingOverflow(by: devices)
        return overflows
            || memory(layers, microbatchesInFlight: microbatchesInFlight).value <= limit
    }

    /// The most microbatches in flight with which the stage fits the memory of its devices.
    func mostInFlight(_ layers: Range<Int>, devices: Int) -> Int {
        guard let deviceMemory else { return .max }
        let (limit, overflows) = deviceMemory.value.multipliedReportingOverflow(by: devices)
        if overflows { return .max }
        let least = parts(layers, microbatchesInFlight: 0)
        guard least.total.value <= limit else { return 0 }
        // What a change of the plan takes does not come on top of activations.
        let resident = (least.total - least.change).value
        let one = parts(layers, microbatchesInFlight: 1)
        let activations = (one.activations - least.activations).value
        return activations == 0 ? .max : (limit - resident) / activations
    }

    /// F + B of the stage with `widths[widthIndex]` devices (w).
    func work(_ layers: Range<Int>, widthIndex: Int) -> Double {
        let index = index(layers, widthIndex: widthIndex)
        return forwardTimes[index] + backwardTimes[index]
    }

    private func index(_ layers: Range<Int>, widthIndex: Int) -> Int {
        let stride = layerCount + 1
        return (widthIndex * stride + layers.lowerBound) * stride + layers.upperBound
    }

    /// Rejects byte counts whose sums over all layers and microbatches could overflow.
    private static func checkSizes(_ profile: ModelProfile) throws {
        let rule = profile.memoryRule ?? .none
        var total = Double(rule.processBytes.value)
        for layer in profile.layers {
            let copies = max(rule.stateCopiesTraining, rule.stateCopiesChanging)
            let resident =
                Double(1 + copies) * Double(layer.stateBytes.value)
                + Double(layer.gradientBytes.value) + Double(layer.workspaceBytes.value)
            let inFlight = Double(2 * profile.layers.count)
            total += resident + inFlight * Double(layer.activationBytes.value)
            let inputs = rule.boundaryTensors > 0 ? inFlight + Double(rule.boundaryTensors) : 0
            total += inputs * Double(layer.outputBytes.value)
        }
        let greatest = 4e18
        guard total <= greatest else {
            throw OobleckError(
                .inputData,
                "byte counts of the profile add up to \(total); they must stay below \(greatest)"
            )
        }
    }
}
