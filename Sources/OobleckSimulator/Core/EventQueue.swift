/// Events in order of time, those of one time in the order in which they were scheduled.
///
/// An event can be cancelled and then never comes out. Each operation costs O(log n).
struct EventQueue<Payload> {
    /// Names one scheduled event.
    struct Handle: Hashable, Sendable {
        fileprivate let sequence: Int
    }

    private struct Entry {
        let time: SimulatedTime
        let sequence: Int
        let payload: Payload

        func precedes(_ other: Entry) -> Bool {
            time == other.time ? sequence < other.sequence : time < other.time
        }
    }

    private var heap: [Entry] = []
    private var live: Set<Int> = []
    private var scheduled = 0

    /// How many events will come out.
    var count: Int { live.count }

    @discardableResult
    mutating func schedule(_ payload: Payload, at time: SimulatedTime) -> Handle {
        let entry = Entry(time: time, sequence: scheduled, payload: payload)
        scheduled += 1
        live.insert(entry.sequence)
        heap.append(entry)
        var index = heap.count - 1
        while index > 0, entry.precedes(heap[(index - 1) / 2]) {
            heap[index] = heap[(index - 1) / 2]
            index = (index - 1) / 2
        }
        heap[index] = entry
        return Handle(sequence: entry.sequence)
    }

    /// Does nothing for an event that came out or was cancelled before.
    mutating func cancel(_ handle: Handle) { live.remove(handle.sequence) }

    /// Takes out the earliest event.
    mutating func next() -> (time: SimulatedTime, payload: Payload)? {
        while let first = heap.first {
            removeFirst()
            if live.remove(first.sequence) != nil { return (first.time, first.payload) }
        }
        return nil
    }

    private mutating func removeFirst() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        var index = 0
        while 2 * index + 1 < heap.count {
            var child = 2 * index + 1
            if child + 1 < heap.count, heap[child + 1].precedes(heap[child]) { child += 1 }
            guard heap[child].precedes(last) else { break }
            heap[index] = heap[child]
            index = child
        }
        heap[index] = last
    }
}
