/// What the time of nodes went into.
public enum NodeActivity: Int, Sendable, CaseIterable, Codable {
    /// Steps that count in the end.
    case useful
    /// Steps, or parts of them, that had to be done again.
    case lost
    /// Stopping, starting, rebuilding process groups.
    case recovering
    /// Layers or checkpoints moved to where they are needed.
    case copying
    /// Checkpoints that hold up the step.
    case checkpointing
    /// Waiting for a failure to be noticed.
    case detecting
    /// Without work.
    case idle
    /// Computation that others do too.
    case redundant
}

/// Nanoseconds of one node by activity.
public struct NodeTime: Hashable, Sendable {
    fileprivate var parts = SIMD8<Int>.zero

    /// No time.
    public init() {}

    /// The nanoseconds of one activity.
    public subscript(activity: NodeActivity) -> Int {
        get { parts[activity.rawValue] }
        set { parts[activity.rawValue] = newValue }
    }

    /// All of them.
    public var total: Int { parts.wrappedSum() }

    static func + (left: NodeTime, right: NodeTime) -> NodeTime {
        var sum = left
        sum.parts = left.parts &+ right.parts
        return sum
    }

    static func - (left: NodeTime, right: NodeTime) -> NodeTime {
        var difference = left
        difference.parts = left.parts &- right.parts
        return difference
    }
}

/// Nanoseconds of all nodes by activity.
public struct ClusterTime: Hashable, Sendable {
    private var parts = [Int128](repeating: 0, count: NodeActivity.allCases.count)

    /// No time.
    public init() {}

    /// The nanoseconds of one activity.
    public subscript(activity: NodeActivity) -> Int128 {
        get { parts[activity.rawValue] }
        set { parts[activity.rawValue] = newValue }
    }

    /// All of them.
    public var total: Int128 { parts.reduce(0, +) }

    /// The share of one activity, from 0 to 1.
    public func share(_ activity: NodeActivity) -> Double {
        total > 0 ? Double(self[activity]) / Double(total) : 0
    }

    mutating func add(_ time: NodeTime, nodes: Int) {
        for index in parts.indices {
            let each = time.parts[index]
            if each != 0 { parts[index] += Int128(each) * Int128(nodes) }
        }
    }
}
