import OobleckCore

/// When this worker voted for each of the latest steps, and when it had the decision.
///
/// On the monotonic clock, which all processes of one machine share: from the last vote of all
/// nodes to the first decision every worker is idle, and that time is the cost of the vote.
struct DecisionTimes {
    /// Steps that are kept.
    static let capacity = 1024

    private var times: [(voted: Seconds, decided: Seconds)] = []
    private var count = 0

    mutating func add(voted: Seconds, decided: Seconds) {
        if times.count < Self.capacity {
            times.append((voted, decided))
        } else {
            times[count % Self.capacity] = (voted, decided)
        }
        count += 1
    }

    /// One line: the first step kept, and for each step both times in microseconds.
    ///
    /// Steps that were redone are kept too.
    var line: String {
        let first = count % Self.capacity
        let inOrder = count > Self.capacity ? times[first...] + times[..<first] : times[...]
        let pairs = inOrder.map {
            "\(Self.microseconds($0.voted))-\(Self.microseconds($0.decided))"
        }
        return "votes and decisions, microseconds: \(pairs.joined(separator: " "))"
    }

    private static func microseconds(_ time: Seconds) -> Int { Int(time.value * 1e6) }
}
