/// Events in order of time, those of one time in the order in which they were scheduled.
///
/// An event can be cancelled and then never comes out. Each operation costs O(log n).
struct EventQueue<Payload> {
    /// Names one scheduled event.
    struct Handle: Hashable, Sendable {
        fileprivate let slot: Int
        fileprivate let sequence: Int
    }

    private struct Entry {
        let time: Int
        let sequence: Int
        let slot: Int
        let payload: Payload

        func precedes(_ other: Entry) -> Bool {
            time == other.time ? sequence < other.sequence : time < other.time
        }
    }

    private var heap: [Entry] = []
    /// The number of the event that each slot holds; -1 once it is cancelled.
    private var slots: [Int] = []
    private var freeSlots: [Int] = []
    private var scheduled = 0

    /// How many events will come out.
    private(set) var count = 0

    @discardableResult
    mutating func schedule(_ payload: Payload, at time: SimulatedTime) -> Handle {
        let slot = freeSlots.popLast() ?? slots.count
        if slot == slots.count { slots.append(scheduled) } else { slots[slot] = scheduled }
        let entry = Entry(
            time: time.nanoseconds,
            sequence: scheduled,
            slot: slot,
            payload: payload
        )
        scheduled += 1
        count += 1
        heap.append(entry)
        var index = heap.count - 1
        while index > 0, entry.precedes(heap[(index - 1) / 2]) {
            heap[index] = heap[(index - 1) / 2]
            index = (index - 1) / 2
        }
        heap[index] = entry
        return Handle(slot: slot, sequence: entry.sequence)
    }

    /// Does nothing for an event that came out or was cancelled before.
    mutating func cancel(_ handle: Handle) {
        guard slots[handle.slot] == handle.sequence else { return }
        slots[handle.slot] = -1
        count -= 1
    }

    /// Takes out the earliest event.
    mutating func next() -> (time: SimulatedTime, payload: Payload)? {
        while let first = heap.first {
            removeFirst()
            let isLive = slots[first.slot] == first.sequence
            slots[first.slot] = -1
            freeSlots.append(first.slot)
            guard isLive else { continue }
            count -= 1
            return (SimulatedTime(nanoseconds: first.time), first.payload)
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
