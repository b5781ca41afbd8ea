/// What happens when, earliest first, and in order of scheduling when at the same time.
///
/// Items lie beside the heap, which moves only small entries: most of a simulation's time would go
/// into moving items otherwise.
package struct Agenda<Item> {
    private struct Entry {
        let time: Double
        let order: Int
        let place: Int

        func isBefore(_ other: Entry) -> Bool {
            time != other.time ? time < other.time : order < other.order
        }
    }

    private var heap: [Entry] = []
    private var items: [Item?] = []
    private var freePlaces: [Int] = []
    private var scheduled = 0

    package init() {}

    package mutating func add(_ item: Item, at time: Double) {
        let entry = Entry(time: time, order: scheduled, place: keep(item))
        scheduled += 1
        heap.append(entry)
        var child = heap.count - 1
        while child > 0, entry.isBefore(heap[(child - 1) / 2]) {
            heap[child] = heap[(child - 1) / 2]
            child = (child - 1) / 2
        }
        heap[child] = entry
    }

    package mutating func next() -> (time: Double, item: Item)? {
        guard let first = heap.first, let item = items[first.place] else { return nil }
        items[first.place] = nil
        freePlaces.append(first.place)
        let last = heap.removeLast()
        if !heap.isEmpty { sink(last) }
        return (first.time, item)
    }

    private mutating func keep(_ item: Item) -> Int {
        guard let place = freePlaces.popLast() else {
            items.append(item)
            return items.count - 1
        }
        items[place] = item
        return place
    }

    /// Puts an entry in at the top.
    private mutating func sink(_ entry: Entry) {
        var parent = 0
        while true {
            var least = 2 * parent + 1
            guard least < heap.count else { break }
            if least + 1 < heap.count, heap[least + 1].isBefore(heap[least]) { least += 1 }
            guard heap[least].isBefore(entry) else { break }
            heap[parent] = heap[least]
            parent = least
        }
        heap[parent] = entry
    }
}
