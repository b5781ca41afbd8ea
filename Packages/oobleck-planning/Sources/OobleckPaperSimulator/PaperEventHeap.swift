import OobleckSimulator

/// The published simulators' queue of events, down to the order of its array.
///
/// Events of one time and kind come out in an order that depends on how the heap moves its
/// elements, and one of the published rules (whether a checkpoint fails) reads the array itself. So
/// this is the heap of Python's standard library: an element that is taken out is replaced by the
/// last, which first sinks to a leaf along the lesser children and then rises to its place.
struct PaperEventHeap {
    /// What happens, in the order in which events of one time are taken.
    enum Kind: Int {
        case add = 1
        case remove
        case ready = 4
        case globalTimeout
        case localTimeout
        case stepEnd
        case checkpointEnd
    }

    /// One event.
    struct Event {
        /// Milliseconds.
        let time: Int
        let kind: Kind
        var node = ""
        /// The number of the reconfiguration that a step or timer belongs to.
        var version = 0

        func precedes(_ other: Event) -> Bool {
            (time, kind.rawValue) < (other.time, other.kind.rawValue)
        }
    }

    /// The heap as an array.
    private(set) var events: [Event] = []

    mutating func push(_ event: Event) {
        events.append(event)
        rise(events.count - 1, from: 0)
    }

    mutating func pop() -> Event? {
        guard let last = events.popLast() else { return nil }
        guard let first = events.first else { return last }
        events[0] = last
        sink(0)
        return first
    }

    /// Makes a heap of the array anew.
    mutating func rebuild() {
        for index in (0..<events.count / 2).reversed() { sink(index) }
    }

    private mutating func rise(_ index: Int, from start: Int) {
        var index = index
        let event = events[index]
        while index > start {
            let parent = (index - 1) / 2
            guard event.precedes(events[parent]) else { break }
            events[index] = events[parent]
            index = parent
        }
        events[index] = event
    }

    private mutating func sink(_ start: Int) {
        var index = start
        let event = events[index]
        while 2 * index + 1 < events.count {
            let left = 2 * index + 1
            let right = left + 1
            let isLeftLess = right >= events.count || events[left].precedes(events[right])
            let child = isLeftLess ? left : right
            events[index] = events[child]
            index = child
        }
        events[index] = event
        rise(index, from: start)
    }
}
