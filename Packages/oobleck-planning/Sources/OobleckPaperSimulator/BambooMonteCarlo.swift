import OobleckSimulator
import OobleckValues

/// Bamboo's own evaluation: BERT on up to 48 spot nodes that come and go by chance.
///
/// The same rules as in the paper's evaluation, with the constants of Bamboo's simulator, until
/// 22,194 steps are done.
public struct BambooMonteCarlo {
    /// What the table of Bamboo's simulator says of one run.
    public struct Result: Hashable, Sendable {
        /// Nodes that went.
        public var preemptions: Double
        /// Mean hours between two of them.
        public var preemptionInterval: Double
        /// Mean hours of a node, up to its end or that of the run.
        public var lifetime: Double
        /// Losses that redundancy did not cover.
        public var fatalFailures: Double
        /// Nodes on average.
        public var nodes: Double
        /// Samples in a second.
        public var throughput: Double
        /// Dollars in an hour.
        public var cost: Double
        /// Samples in a second for a dollar in an hour.
        public var value: Double
    }

    /// The constants of Bamboo's simulator.
    struct Setup: Hashable {
        let nodes = 48
        let steps = 22_194
        let samples = 264
        /// Milliseconds of a step with one to four pipelines.
        let stepTimes = [4310, 2390, 1805, 1450]
        /// Milliseconds of a rebalancing.
        let rebalancing = 20_000
        /// Dollars of a node in an hour.
        let price = 0.91
    }

    /// Longer than any run takes.
    private static let hours = 1000

    /// One run, with the probability that a node goes within an hour.
    ///
    /// - Throws: `OobleckError` for a probability that is none, or if there are never enough nodes.
    public static func run(removal: Double, seed: UInt64) throws -> Result {
        guard (0...1).contains(removal) else {
            throw OobleckError(.usage, "probability of removal is \(removal); it must be 0 to 1")
        }
        let setup = Setup()
        let trace = try BambooAvailability.trace(
            removal: removal,
            capacity: setup.nodes,
            hours: hours,
            seed: seed
        )
        let result = try PaperSimulation.run(setup, trace)
        return self.result(setup, trace, result)
    }

    private static func result(
        _ setup: Setup,
        _ trace: PreemptionTrace,
        _ run: PaperResult
    ) -> Result {
        let end = run.timeline.last?.end ?? 0
        var starts: [String: Double] = [:]
        var lifetimes: [Double] = []
        var removals: [Double] = []
        var changes: [(time: Double, count: Int)] = [(0, 0)]
        for event in trace.events {
            let time = Double(event.milliseconds) / 1000
            guard time <= end else { break }
            switch event.change {
            case .add: starts[event.node] = time
            case .remove:
                lifetimes.append(time - (starts.removeValue(forKey: event.node) ?? time))
                removals.append(time)
            }
            changes.append((time, starts.count))
        }
        lifetimes += starts.values.map { end - $0 }.sorted()
        let gaps = zip(removals.dropFirst(), removals).map { $0 - $1 }
        let nodeTime = integral(of: changes)
        let nodes = nodeTime(end) / max(end, 1e-9)
        var value = 0.0
        var start = run.timeline.first.map { $0.end - Double(setup.samples) / $0.throughput } ?? 0
        let first = start
        for step in run.timeline {
            let mean = (nodeTime(step.end) - nodeTime(start)) / (step.end - start)
            value += (step.end - start) * step.throughput / (mean * setup.price)
            start = step.end
        }
        func mean(_ values: [Double]) -> Double {
            values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
        }
        return Result(
            preemptions: Double(removals.count),
            preemptionInterval: mean(gaps) / 3600,
            lifetime: mean(lifetimes) / 3600,
            fatalFailures: Double(run.fatalFailures),
            nodes: nodes,
            throughput: run.throughput,
            cost: nodes * setup.price,
            value: value / (end - first)
        )
    }

    /// Node-seconds up to a time; each call is a search among the changes.
    private static func integral(
        of changes: [(time: Double, count: Int)]
    ) -> (Double) -> Double {
        var sums = [0.0]
        for (next, last) in zip(changes.dropFirst(), changes) {
            sums.append(sums[sums.count - 1] + (next.time - last.time) * Double(last.count))
        }
        return { time in
            var (low, high) = (0, changes.count)
            while high - low > 1 {
                let middle = (low + high) / 2
                if changes[middle].time <= time { low = middle } else { high = middle }
            }
            return sums[low] + (time - changes[low].time) * Double(changes[low].count)
        }
    }
}
