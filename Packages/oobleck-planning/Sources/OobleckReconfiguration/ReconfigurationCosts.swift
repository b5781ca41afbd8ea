public import OobleckValues

/// The criteria for a plan beside its step time: the time that it will be in force, and the rate of
/// the links (`Documentation/Planner.md`, equation P11).
public struct ReconfigurationCosts: Hashable, Sendable {
    /// Expected time until the next failure; more than zero, infinity for none.
    public var timeToFailure: Seconds
    /// Bytes that all copies together move in a second; more than zero.
    public var bandwidth: Double
    /// Time to detect the failure, decide, and rebuild the process groups: a recovery without
    /// copies.
    public var overhead: Seconds
    /// Slowness of nodes: the factor over the profile's times; 1 for a node without an entry.
    public var slowness: [NodeID: Double]

    /// Costs of reconfigurations.
    ///
    /// By default a failure an hour, links of 10 Gbit/s, and the 0.12 s that local runs measured
    /// from the failure to the first step redone.
    public init(
        timeToFailure: Seconds = 3600,
        bandwidth: Double = 1.25e9,
        overhead: Seconds = 0.12,
        slowness: [NodeID: Double] = [:]
    ) {
        self.timeToFailure = timeToFailure
        self.bandwidth = bandwidth
        self.overhead = overhead
        self.slowness = slowness
    }

    /// The costs that a run has seen: nodes are lost as often as so far, or once an hour while none
    /// was.
    ///
    /// Both the coordinator and the simulator judge by these.
    ///
    /// - Parameters:
    ///   - elapsed: How long the run has been training.
    ///   - lostNodes: How many nodes it lost in that time.
    ///   - nodes: Nodes that live. Each copies over a link of its own, so that all copies together
    ///     move this many times what one link does.
    ///   - linkBandwidth: Bytes that one link moves in a second.
    ///   - slowness: How many times longer a node takes than the profile says.
    public init(
        elapsed: Seconds,
        lostNodes: Int,
        nodes: Int,
        linkBandwidth: Double = ReconfigurationCosts().bandwidth,
        slowness: [NodeID: Double] = [:]
    ) {
        self.init(bandwidth: linkBandwidth * Double(max(1, nodes)), slowness: slowness)
        if lostNodes > 0, let elapsed = elapsed.measured {
            timeToFailure = elapsed / Double(lostNodes)
        }
    }

    /// Throws ``OobleckError/Code/usage`` with one line for values that make no sense.
    public func validate() throws {
        let times = [
            ("time to the next failure", timeToFailure.value, timeToFailure > 0),
            ("bandwidth", bandwidth, bandwidth > 0 && bandwidth.isFinite),
            ("overhead", overhead.value, overhead >= 0 && overhead.value.isFinite),
        ]
        for (name, value, isRight) in times where !isRight {
            let bound = name == "overhead" ? "at least 0" : "more than 0"
            throw OobleckError(.usage, "\(name) is \(value); it must be \(bound)")
        }
    }

    /// How long the copies take: all their bytes over the bandwidth.
    ///
    /// So fewer bytes are never slower, and the assignment with the fewest is the best by
    /// `cost(step:transfer:fastest:)`.
    public func transferTime(_ transfers: [LayerTransfer]) -> Seconds {
        Seconds(Double(transfers.reduce(0) { $0 + $1.bytes.value }) / bandwidth)
    }

    /// Seconds of the steps that the fastest plan does until the next failure, done by a plan with
    /// another step time, after the copies.
    ///
    /// Equal step times leave the copies to decide; so do steps of no time.
    func cost(step: Seconds, transfer: Seconds, fastest: Seconds) -> Double {
        guard step > fastest else { return transfer.value }
        guard timeToFailure.value.isFinite, fastest > 0 else { return .infinity }
        let steps = timeToFailure.value / fastest.value
        let cost = steps * (step.value - fastest.value) + transfer.value
        // Steps of next to no time, any number of which lose none.
        return cost.isNaN ? .infinity : cost
    }

    /// What a plan costs with its nodes as slow as they are.
    func cost(of plan: PlanDocument, fastest: Seconds) -> Double {
        let real = slowness.isEmpty ? plan : plan.balanced(for: slowness)
        return cost(
            step: real.plan.stepTime,
            transfer: transferTime(plan.transfers),
            fastest: fastest
        )
    }

    /// The sets of slow nodes that may be left idle: the slowest, the two slowest, and so on.
    func slowestFirst(_ nodes: [NodeID]) -> [Set<NodeID>] {
        let slow = nodes.filter { Slowness.bounded(slowness[$0]) > 1 }
            .sorted { (slowness[$1] ?? 1, $0) < (slowness[$0] ?? 1, $1) }
        return slow.indices.map { Set(slow[...$0]) }
    }
}
