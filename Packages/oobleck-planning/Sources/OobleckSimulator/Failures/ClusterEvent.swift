/// Something that happens to nodes, whatever the policy.
public struct ClusterEvent: Hashable, Sendable {
    /// How nodes go.
    public enum Loss: Hashable, Sendable {
        /// At once; the connection ends.
        case crash
        /// Silently: found by the missing heartbeat.
        case hang
    }

    /// What happens.
    public enum Change: Hashable, Sendable {
        /// The nodes are there and can be used.
        case join
        /// The nodes go.
        case loss(Loss)
        /// The nodes will go soon, as a spot market announces.
        case notice
        /// The nodes compute this many times slower from now on.
        case slow(factor: Double)
    }

    /// When.
    public let time: SimulatedTime
    /// What.
    public let change: Change
    /// To which nodes, ascending; a node that comes back keeps its number.
    public let nodes: [Int]

    /// One event.
    public init(time: SimulatedTime, change: Change, nodes: [Int]) {
        self.time = time
        self.change = change
        self.nodes = nodes
    }
}

/// The events of one simulated world.
public struct ClusterHistory: Hashable, Sendable {
    /// In order of time.
    public let events: [ClusterEvent]
    /// Nodes are numbered from 0 up to this.
    public let nodeCount: Int
    /// How long the world lasts.
    public let duration: SimulatedTime

    /// Events over a time.
    public init(events: [ClusterEvent], nodeCount: Int, duration: SimulatedTime) {
        self.events = events
        self.nodeCount = nodeCount
        self.duration = duration
    }

    /// Moments at which nodes go.
    public var lossCount: Int {
        events.count { if case .loss = $0.change { true } else { false } }
    }

    /// The most nodes that are there at once.
    public var mostNodes: Int {
        var (count, most) = (0, 0)
        for event in events {
            switch event.change {
            case .join: count += event.nodes.count
            case .loss: count -= event.nodes.count
            case .notice, .slow: break
            }
            most = max(most, count)
        }
        return most
    }

    /// The fewest nodes that are there at once after the start.
    public var leastNodes: Int {
        var (count, least) = (0, Int.max)
        for (index, event) in events.enumerated() {
            switch event.change {
            case .join: count += event.nodes.count
            case .loss: count -= event.nodes.count
            case .notice, .slow: break
            }
            // All of one moment come and go together.
            let isLast = index + 1 == events.count || events[index + 1].time > event.time
            if isLast { least = min(least, count) }
        }
        return events.isEmpty ? 0 : least
    }

    /// The history of a trace.
    ///
    /// Each node can be used `startup` after it comes, but for those of the very start, and is told
    /// `notice` before it goes.
    public init(
        _ trace: PreemptionTrace,
        startup: SimulatedTime = .zero,
        notice: SimulatedTime = .zero
    ) {
        var numbers: [String: Int] = [:]
        var ready: [Int: SimulatedTime] = [:]
        var changes: [(time: SimulatedTime, change: ClusterEvent.Change, node: Int)] = []
        let names = Set(trace.events.map(\.node))
        for event in trace.events {
            let number = numbers[event.node] ?? numbers.count
            numbers[event.node] = number
            let time = SimulatedTime(nanoseconds: event.milliseconds * 1_000_000)
            switch event.change {
            case .add:
                let usable = time == .zero ? time : time + startup
                ready[number] = usable
                changes.append((usable, .join, number))
            case .remove:
                if let usable = ready[number], usable >= time {
                    // It goes before it can be used.
                    changes.removeAll { $0.node == number && $0.time == usable }
                    continue
                }
                if notice > .zero {
                    let told = max(ready[number] ?? .zero, time - notice)
                    changes.append((told, .notice, number))
                }
                changes.append((time, .loss(.crash), number))
            }
        }
        self.init(
            changes: changes,
            nodeCount: names.count,
            duration: SimulatedTime(nanoseconds: trace.end * 1_000_000)
        )
    }

    /// Sorts changes by time, those of one time by kind, and joins equal ones to one event.
    init(
        changes: [(time: SimulatedTime, change: ClusterEvent.Change, node: Int)],
        nodeCount: Int,
        duration: SimulatedTime
    ) {
        let order = changes.indices.sorted {
            let (left, right) = (changes[$0], changes[$1])
            return left.time == right.time ? $0 < $1 : left.time < right.time
        }
        var events: [ClusterEvent] = []
        var nodes: [Int] = []
        for (place, index) in order.enumerated() {
            let (time, change, node) = changes[index]
            nodes.append(node)
            let next = place + 1 < order.count ? changes[order[place + 1]] : nil
            if let next, next.time == time, next.change == change { continue }
            events.append(ClusterEvent(time: time, change: change, nodes: nodes.sorted()))
            nodes = []
        }
        self.init(events: events, nodeCount: nodeCount, duration: duration)
    }
}
