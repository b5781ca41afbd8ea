import OobleckClock
import OobleckCore

/// Many cases of one target, from a seed.
package struct FuzzCampaign: Sendable {
    /// What came of the cases.
    package struct Tally: Sendable {
        package var accepted = 0
        package var refused = 0
        /// Case and complaint, the first few.
        package var complaints: [(index: Int, text: String)] = []
        package var complaintCount = 0
        /// The case that took longest, and how long.
        package var slowest: (index: Int, time: Seconds) = (0, 0)

        package var cases: Int { accepted + refused + complaintCount }
    }

    private static let mostComplaintsKept = 20

    package let target: FuzzTarget
    package let seed: UInt64

    package init(_ target: FuzzTarget, seed: UInt64) {
        self.target = target
        self.seed = seed
    }

    /// Runs the cases; `begin` is called with the number of each before it runs.
    package func run(_ cases: Range<Int>, begin: (Int) -> Void = { _ in }) -> Tally {
        var tally = Tally()
        for index in cases {
            begin(index)
            let input = target.input(seed: seed, index: index)
            let start = MonotonicTime.now
            let outcome = target.outcome(of: input)
            let time = MonotonicTime.now - start
            if time > tally.slowest.time { tally.slowest = (index, time) }
            switch outcome {
            case .accepted: tally.accepted += 1
            case .refused: tally.refused += 1
            case .complaint(let text):
                tally.complaintCount += 1
                if tally.complaints.count < Self.mostComplaintsKept {
                    tally.complaints.append((index, text))
                }
            }
        }
        return tally
    }
}
