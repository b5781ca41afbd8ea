import Foundation
public import OobleckValues

/// How often nodes fail, as a law of chance.
public struct FailureModel: Hashable, Sendable {
    /// Mean time between the failures of one node; `nil` for none.
    public var meanTimeBetweenFailures: Seconds?
    /// Shape of the Weibull law; 1 is the exponential, below 1 young nodes fail more.
    public var weibullShape: Double
    /// How much the rate rises and falls over the day, from 0 to 1.
    public var dailyAmplitude: Double
    /// Mean time until a lost node is back; `nil` if it never is.
    public var repairTime: Seconds?
    /// Nodes of one rack or zone, which can fail together.
    public var groupSize: Int
    /// Mean time between the failures of one whole group; `nil` for none.
    public var groupMeanTimeBetweenFailures: Seconds?
    /// The share of failures that are silent hangs.
    public var hangShare: Double
    /// The share of failures that only make the node slow.
    public var slowShare: Double
    /// How many times slower such a node computes.
    public var slowFactor: Double
    /// How long before it goes a node is told; 0 for not at all.
    public var notice: Seconds

    /// A law of failures; by default there are none.
    public init(
        meanTimeBetweenFailures: Seconds? = nil,
        weibullShape: Double = 1,
        dailyAmplitude: Double = 0,
        repairTime: Seconds? = nil,
        groupSize: Int = 1,
        groupMeanTimeBetweenFailures: Seconds? = nil,
        hangShare: Double = 0,
        slowShare: Double = 0,
        slowFactor: Double = 2,
        notice: Seconds = 0
    ) {
        self.meanTimeBetweenFailures = meanTimeBetweenFailures
        self.weibullShape = weibullShape
        self.dailyAmplitude = dailyAmplitude
        self.repairTime = repairTime
        self.groupSize = groupSize
        self.groupMeanTimeBetweenFailures = groupMeanTimeBetweenFailures
        self.hangShare = hangShare
        self.slowShare = slowShare
        self.slowFactor = slowFactor
        self.notice = notice
    }

    /// Throws ``OobleckError/Code/usage`` with one line for values that make no sense.
    public func validate() throws {
        func check(_ isRight: Bool, _ name: String, _ value: Double, _ bound: String) throws {
            guard isRight else {
                throw OobleckError(.usage, "\(name) is \(value); it must be \(bound)")
            }
        }
        for (name, time) in [
            ("mean time between failures", meanTimeBetweenFailures),
            ("mean time between group failures", groupMeanTimeBetweenFailures),
            ("repair time", repairTime),
        ] {
            guard let value = time?.value else { continue }
            // A thousandth of a second would be more failures than anything can answer.
            try check(value.isFinite && value >= 1e-3, name, value, "at least 0.001 s")
        }
        let shares = [
            ("hang share", hangShare), ("slow share", slowShare),
            ("daily amplitude", dailyAmplitude),
        ]
        for (name, share) in shares {
            try check((0...1).contains(share), name, share, "from 0 to 1")
        }
        try check(
            hangShare + slowShare <= 1,
            "hang and slow share",
            hangShare + slowShare,
            "at most 1"
        )
        try check(
            (0.1...10).contains(weibullShape),
            "Weibull shape",
            weibullShape,
            "from 0.1 to 10"
        )
        try check((1...1000).contains(slowFactor), "slow factor", slowFactor, "from 1 to 1,000")
        try check(groupSize >= 1, "group size", Double(groupSize), "at least 1")
        try check(notice.value.isFinite && notice >= 0, "notice", notice.value, "at least 0")
        guard dailyAmplitude == 0 || weibullShape == 1 else {
            throw OobleckError(.usage, "a daily rhythm needs Weibull shape 1, not \(weibullShape)")
        }
    }

    /// Mean time from one loss to the next anywhere among `nodes` nodes, by the law alone.
    public func meanTimeToFailure(nodes: Int) -> Seconds? {
        var rate = 0.0
        if let mean = meanTimeBetweenFailures?.value {
            rate += Double(nodes) * (1 - slowShare) / mean
        }
        if let mean = groupMeanTimeBetweenFailures?.value {
            rate += (Double(nodes) / Double(groupSize)).rounded(.up) / mean
        }
        return rate > 0 ? Seconds(1 / rate) : nil
    }
}
