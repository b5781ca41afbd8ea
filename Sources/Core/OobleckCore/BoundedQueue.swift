/// A queue that holds a limited number of elements: of more, the oldest are dropped and counted.
///
/// Adding costs the same however many wait.
package struct BoundedQueue<Element> {
    /// Elements that may wait.
    package let limit: Int
    private var elements: [Element] = []
    /// Where the oldest that still counts stands in ``elements``.
    private var head = 0
    private var dropped = 0

    /// An empty queue; `limit` is at least 1.
    package init(limit: Int) {
        precondition(limit >= 1, "a queue of \(limit) elements holds nothing")
        self.limit = limit
    }

    package var count: Int { elements.count - head }

    /// Adds an element; returns whether it took the place of an older one.
    @discardableResult
    package mutating func add(_ element: Element) -> Bool {
        let isFull = count == limit
        if isFull {
            head += 1
            dropped += 1
        }
        elements.append(element)
        if head > limit {
            elements.removeFirst(head)
            head = 0
        }
        return isFull
    }

    /// Takes all that wait, oldest first, and how many were dropped since the last call.
    package mutating func takeAll() -> (elements: ArraySlice<Element>, dropped: Int) {
        defer { (elements, head, dropped) = ([], 0, 0) }
        return (elements[head...], dropped)
    }
}

extension BoundedQueue: Sendable where Element: Sendable {}
