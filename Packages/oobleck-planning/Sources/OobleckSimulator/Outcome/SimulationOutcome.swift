public import OobleckValues

/// What comes of a simulated run.
public struct SimulationOutcome: Sendable {
    /// How long the world lasted.
    public let duration: SimulatedTime
    /// What the nodes' time went into.
    public let time: ClusterTime
    /// All nodes' time: wall clock times nodes, counted beside the ledger.
    public let nodeNanoseconds: Int128
    /// Samples of the steps that count.
    public let samples: Double
    /// Steps that count.
    public let steps: Int
    /// Steps, begun or done, that had to be done again.
    public let lostSteps: Int
    /// Moments at which nodes were lost.
    public let losses: Int
    /// From a loss to the next training, ascending; one that has not ended counts as far as it got.
    public let recoveries: [SimulatedTime]
    /// Dollars for all nodes.
    public let cost: Double
    /// Events that were handled.
    public let events: Int
    private let tokensPerSample: Int
    private let ledger: TimeLedger

    init(
        model: ClusterModel,
        duration: SimulatedTime,
        ledger: TimeLedger,
        nodeNanoseconds: Int128,
        tally: RunTally
    ) {
        self.duration = duration
        self.ledger = ledger
        self.nodeNanoseconds = nodeNanoseconds
        time = ledger.total(at: duration)
        samples = Double(tally.samples) + tally.partialSamples
        steps = tally.steps
        lostSteps = tally.lostSteps
        losses = tally.losses
        recoveries = tally.recoveries.sorted()
        cost = Double(nodeNanoseconds) / 3.6e12 * model.nodePrice
        events = tally.events
        tokensPerSample = model.tokensPerSample
    }

    /// Samples per second of wall clock.
    public var goodput: Double { duration > .zero ? samples / duration.seconds : 0 }

    /// Tokens per second of wall clock.
    public var tokenGoodput: Double { goodput * Double(tokensPerSample) }

    /// Useful time of the nodes over all of it: the effective training time ratio.
    public var effectiveTimeRatio: Double { time.share(.useful) }

    /// Samples for one dollar.
    public var samplesPerDollar: Double { cost > 0 ? samples / cost : 0 }

    /// What each node's time went into.
    public var nodeTimes: [NodeTime] { ledger.nodes(at: duration) }

    /// The recovery time that so large a share of all recoveries stays within; `nil` without any.
    public func recovery(quantile: Double) -> Seconds? {
        guard !recoveries.isEmpty else { return nil }
        let index = Int((quantile * Double(recoveries.count - 1)).rounded())
        return Seconds(recoveries[min(max(0, index), recoveries.count - 1)].seconds)
    }
}
