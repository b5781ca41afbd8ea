import OobleckSimulator

/// What the published simulators write down while they run.
struct PaperRecord {
    static let millisecondsPerHour = 3_600_000.0

    /// Time of the last event, in milliseconds.
    private(set) var now = 0
    private(set) var running = 0
    private(set) var inRendezvous = 0
    private(set) var stopped = 0

    /// Whether there ever were as many nodes as the grid needs.
    var hasEnoughNodes = false
    var steps = 0
    var preemptions = 0
    var fatalFailures = 0
    // Milliseconds, as published.
    var effective = 0.0
    var redundant = 0.0
    var rebalance = 0.0
    var restart = 0.0
    var checkpoint = 0.0
    var fallback = 0.0

    /// Start and end of each step, in hours, and its throughput at both.
    private(set) var hours: [Double] = []
    private(set) var rates: [Double] = []
    /// Milliseconds that each step computed.
    private(set) var computed: [Int] = []
    var stepStart: Int?

    private var nodeHours: [Double] = []
    private var nodeCounts: [Int] = []

    mutating func advance(to time: Int, _ status: PaperSimulation.Status) {
        switch status {
        case .stopped: stopped += time - now
        case .rendezvous: inRendezvous += time - now
        case .running: running += time - now
        }
        now = time
    }

    /// The running step is not finished.
    mutating func interrupt(at time: Int) { stepStart = nil }

    mutating func addStep(from start: Int, to end: Int, samples: Int, computing: Int) {
        let seconds = Double(end - start) / 1000
        // Less than zero where a node went while a checkpoint was written: the published restart is
        // shorter than that, and the next step ends before the checkpoint does.
        let rate = seconds == 0 ? 0 : Double(samples) / seconds
        hours += [Double(start) / Self.millisecondsPerHour, Double(end) / Self.millisecondsPerHour]
        rates += [rate, rate]
        computed.append(computing)
    }

    /// Sets the points from this one on to zero.
    mutating func loseSteps(from point: Int) {
        for index in stride(from: point, to: rates.count, by: 1) { rates[index] = 0 }
    }

    /// Sets the last steps to zero; with fewer steps there are then more points than before.
    mutating func loseLast(steps: Int) {
        rates.removeLast(min(rates.count, 2 * steps))
        rates += [Double](repeating: 0, count: 2 * steps)
    }

    /// Notes how many nodes there are after all events of a time.
    mutating func count(nodes: Int, at time: Int) {
        guard let last = nodeCounts.last else {
            guard time > 0 else { return }
            nodeHours.append(0)
            nodeCounts.append(nodes)
            return
        }
        guard last != nodes else { return }
        let hour = Double(time) / Self.millisecondsPerHour
        nodeHours += [hour, hour]
        nodeCounts += [last, nodes]
    }

    /// Nodes over time up to the last step.
    func averageNodes(atEnd nodes: Int) -> Double {
        let end = hours.last ?? 0
        return Self.average(
            nodeHours + [end],
            nodeCounts.map(Double.init) + [Double(nodes)],
            over: end
        )
    }

    /// Samples per second from a start, in milliseconds, up to the last step.
    func averageRate(from start: Int) -> Double {
        let duration = (hours.last ?? 0) - Double(start) / Self.millisecondsPerHour
        return Self.average(hours, rates, over: duration)
    }

    /// Sums up pairs of points, the value of each pair being that of its second.
    private static func average(_ xs: [Double], _ ys: [Double], over duration: Double) -> Double {
        guard duration > 0 else { return 0 }
        var total = 0.0
        for index in stride(from: 1, to: min(xs.count, ys.count), by: 2) {
            total += (xs[index] - xs[index - 1]) * ys[index]
        }
        return total / duration
    }
}
