import OobleckCore
import Testing

@Suite(.timeLimit(.minutes(5))) struct BoundedQueueTests {
    @Test("keeps the newest in order, and counts what it drops", arguments: [1, 2, 7])
    func dropsOldest(limit: Int) {
        var queue = BoundedQueue<Int>(limit: limit)
        for round in 0..<3 {
            let count = 5 * limit + round
            for number in 0..<count {
                #expect(queue.add(number) == (number >= limit))
                #expect(queue.count == min(number + 1, limit))
            }
            let (elements, dropped) = queue.takeAll()
            #expect(Array(elements) == Array(count - limit..<count))
            #expect(dropped == count - limit)
            #expect(queue.count == 0)
        }
        #expect(queue.takeAll().elements.isEmpty)
    }
}
