/// Writes down what all nodes do; every nanosecond of every node goes to one activity.
///
/// What the working nodes do together is a list of segments; a node begins and ends to work only
/// between two segments. Nodes without work only wait. So an event costs as much as nodes change
/// their part, not as many as there are.
struct TimeLedger {
    /// A stretch of the job.
    struct Segment {
        var time: NodeTime
        let workers: Int
        /// Steps that still count, and what each is.
        var steps: Int
        let stepTime: SimulatedTime
        let samples: Int
        /// Millionths of each step that others compute too.
        let redundantMillionths: Int

        /// Takes back the steps after the first `kept`.
        mutating func loseSteps(after kept: Int) -> Int {
            guard steps > kept else { return 0 }
            let lost = steps - kept
            let spent = lost * stepTime.nanoseconds
            let redundant = lost * Self.redundant(stepTime, redundantMillionths)
            time[.useful] -= spent - redundant
            time[.redundant] -= redundant
            time[.lost] += spent
            steps = kept
            return lost
        }

        /// Nanoseconds of one step that others compute too.
        static func redundant(_ step: SimulatedTime, _ millionths: Int) -> Int {
            Int(Int128(step.nanoseconds) * Int128(millionths) / 1_000_000)
        }
    }

    private enum Part: Equatable {
        case gone
        case idle(since: SimulatedTime)
        case working(sinceSegment: Int)
    }

    private(set) var segments: [Segment] = []
    private(set) var workers = 0
    private var parts: [Part]
    private var idle: [Int]
    /// Who worked in which segments, as it ended.
    private var worked: [(node: Int, segments: Range<Int>)] = []

    init(nodeCount: Int) {
        parts = Array(repeating: .gone, count: nodeCount)
        idle = Array(repeating: 0, count: nodeCount)
    }

    func isWorking(_ node: Int) -> Bool {
        if case .working = parts[node] { true } else { false }
    }

    mutating func append(_ segment: Segment) { segments.append(segment) }

    mutating func loseSteps(inSegment index: Int, after kept: Int) -> Int {
        segments[index].loseSteps(after: kept)
    }

    /// The node waits from now on; it works no more.
    mutating func setIdle(_ node: Int, at time: SimulatedTime) {
        if case .idle = parts[node] { return }
        leave(node, at: time)
        parts[node] = .idle(since: time)
    }

    /// The node works from the next segment on.
    mutating func setWorking(_ node: Int, at time: SimulatedTime) {
        if case .working = parts[node] { return }
        leave(node, at: time)
        parts[node] = .working(sinceSegment: segments.count)
        workers += 1
    }

    /// The node is not there any more.
    mutating func setGone(_ node: Int, at time: SimulatedTime) {
        leave(node, at: time)
        parts[node] = .gone
    }

    private mutating func leave(_ node: Int, at time: SimulatedTime) {
        switch parts[node] {
        case .gone: break
        case .idle(let since): idle[node] += (time - since).nanoseconds
        case .working(let first):
            if first < segments.count { worked.append((node, first..<segments.count)) }
            workers -= 1
        }
    }

    /// What all nodes did until now.
    func total(at time: SimulatedTime) -> ClusterTime {
        var sum = ClusterTime()
        for segment in segments { sum.add(segment.time, nodes: segment.workers) }
        for node in parts.indices {
            var waited = idle[node]
            if case .idle(let since) = parts[node] { waited += (time - since).nanoseconds }
            sum[.idle] += Int128(waited)
        }
        return sum
    }

    /// What each node did until now.
    func nodes(at time: SimulatedTime) -> [NodeTime] {
        var prefix = [NodeTime()]
        for segment in segments { prefix.append(prefix[prefix.count - 1] + segment.time) }
        var sums = parts.indices.map { node in
            var sum = NodeTime()
            sum[.idle] = idle[node]
            switch parts[node] {
            case .gone: break
            case .idle(let since): sum[.idle] += (time - since).nanoseconds
            case .working(let first): sum = sum + (prefix[segments.count] - prefix[first])
            }
            return sum
        }
        for (node, range) in worked {
            sums[node] = sums[node] + (prefix[range.upperBound] - prefix[range.lowerBound])
        }
        return sums
    }
}
