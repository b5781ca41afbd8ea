import OobleckCore

/// The time of a run without the times in which no process worked on it: between a stop and the resumption,
/// say.
package struct StoryClock: Sendable {
    /// Stretches of time since 1970 in which the run was at work, in order.
    package private(set) var stretches: [ClosedRange<Double>] = []

    /// The clock of a run with these events.
    package init(_ events: [TimedEvent], until last: Double? = nil) {
        var start: Double?
        var previous = 0.0
        var isOver = false
        for event in events {
            let time = max(event.time.value, previous)
            // A coordinator that was killed has no last word; what follows is its successor's first.
            let isNew = isOver || event.event.kind == .restarted
            if let begun = start, isNew {
                stretches.append(begun...previous)
                start = time
            } else if start == nil {
                start = time
            }
            isOver = [.stopped, .finished].contains(event.event.kind)
            previous = time
        }
        if let start { stretches.append(start...max(previous, last ?? previous)) }
    }

    /// All time at work.
    package var total: Double {
        stretches.reduce(0) { $0 + $1.upperBound - $1.lowerBound }
    }

    /// Time at work until `time` since 1970.
    package func elapsed(_ time: Double) -> Double {
        var sum = 0.0
        for stretch in stretches {
            guard time > stretch.lowerBound else { break }
            sum += min(time, stretch.upperBound) - stretch.lowerBound
        }
        return sum
    }

    /// Time at work at which a stretch after the first begins.
    package var breaks: [Double] {
        stretches.dropFirst().map { elapsed($0.lowerBound) }
    }
}
