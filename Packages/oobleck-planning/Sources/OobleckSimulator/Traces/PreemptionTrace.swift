import OobleckValues

/// When nodes come and go.
public struct PreemptionTrace: Hashable, Sendable {
    /// A node that comes or goes.
    public struct Event: Hashable, Sendable {
        /// What happens to the node.
        public enum Change: Hashable, Sendable {
            /// The node comes.
            case add
            /// The node goes without notice.
            case remove
        }

        /// Milliseconds since the start.
        public let milliseconds: Int
        /// What happens.
        public let change: Change
        /// Which node; a name is not used again after its node is gone.
        public let node: String

        /// One event.
        public init(milliseconds: Int, change: Change, node: String) {
            self.milliseconds = milliseconds
            self.change = change
            self.node = node
        }
    }

    /// The events in order of time; those of one moment in the order of the file.
    public let events: [Event]
    /// Milliseconds from the start to the end of what was observed.
    public let end: Int

    /// A trace of events that must be in order of time.
    ///
    /// - Throws: ``OobleckError/Code/inputData`` for events that are not in order, a node that comes
    ///   twice or goes without having come, or no events at all.
    public init(events: [Event], end: Int? = nil) throws {
        guard let last = events.last else {
            throw OobleckError(.inputData, "the trace has no events; it needs at least one node")
        }
        var present: Set<String> = []
        for (index, event) in events.enumerated() {
            let previous = index > 0 ? events[index - 1] : nil
            if let mistake = Self.mistake(in: event, after: previous, present: &present) {
                throw OobleckError(.inputData, "event \(index + 1): \(mistake)")
            }
        }
        self.events = events
        self.end = max(end ?? last.milliseconds, last.milliseconds)
    }

    /// What is wrong with an event after the ones before it, among nodes that are present.
    static func mistake(
        in event: Event,
        after previous: Event?,
        present: inout Set<String>
    ) -> String? {
        guard event.milliseconds >= 0, event.milliseconds <= longest else {
            return "time \(event.milliseconds) ms is not between 0 and \(longest) ms (ten years)"
        }
        if let previous, event.milliseconds < previous.milliseconds {
            return "time \(event.milliseconds) ms comes after \(previous.milliseconds) ms; "
                + "sort the events by time"
        }
        switch event.change {
        case .add:
            return present.insert(event.node).inserted
                ? nil : "node \(event.node) is added, but it is there already"
        case .remove:
            return present.remove(event.node) != nil
                ? nil : "node \(event.node) is removed, but it is not there"
        }
    }

    /// Ten years: longer traces are mistakes of unit.
    static let longest = 10 * 366 * 86_400_000

    /// Whether nodes come after the start, as on spot markets.
    public var hasJoins: Bool {
        events.contains { $0.change == .add && $0.milliseconds > 0 }
    }

    /// The most nodes that are there at once.
    public var mostNodes: Int {
        var count = 0
        var most = 0
        for event in events {
            count += event.change == .add ? 1 : -1
            most = max(most, count)
        }
        return most
    }
}
