import OobleckConsole
import Testing

@Suite(.timeLimit(.minutes(5))) struct OutputQueueTests {
    private static let erase = "\r\u{1B}[K"

    private func all(_ queue: inout OutputQueue) -> String {
        var text = ""
        while let bytes = queue.next() { text += String(decoding: bytes, as: UTF8.self) }
        return text
    }

    @Test("lines keep their order, and stand above the live line")
    func order() {
        var queue = OutputQueue()
        queue.add(.live("step 1"))
        queue.add(.line("first"))
        queue.add(.line("second"))
        #expect(all(&queue) == "first\nsecond\n\(Self.erase)step 1")
        queue.add(.line("third"))
        queue.add(.live("step 2"))
        #expect(all(&queue) == "\(Self.erase)third\n\(Self.erase)step 2")
        queue.add(.clear)
        #expect(all(&queue) == Self.erase)
        queue.add(.clear)
        #expect(queue.isEmpty, "what is not shown need not be taken away")
    }

    @Test("two live lines are taken away together")
    func block() {
        var queue = OutputQueue()
        queue.add(.live("step 1\nloss 2"))
        #expect(all(&queue) == "\(Self.erase)step 1\nloss 2")
        queue.add(.live("step 2\nloss 1"))
        let erase = "\r\u{1B}[1A\u{1B}[J"
        #expect(all(&queue) == "\(erase)step 2\nloss 1")
        queue.add(.line("lost"))
        queue.add(.live("step 3"))
        #expect(all(&queue) == "\(erase)lost\n\(Self.erase)step 3")
        queue.add(.clear)
        #expect(all(&queue) == Self.erase)
    }

    @Test("of the live lines that nothing took, only the newest is kept")
    func live() {
        var queue = OutputQueue()
        for step in 0..<1000 { queue.add(.live("step \(step)")) }
        #expect(all(&queue) == "\(Self.erase)step 999")
    }

    @Test("a live line that nothing took is not shown after its end")
    func cleared() {
        var queue = OutputQueue()
        queue.add(.live("step 1"))
        queue.add(.clear)
        #expect(queue.isEmpty)
    }

    @Test("what waits is bounded; the newest lines are kept, and the reader is told of the others")
    func bound() {
        var queue = OutputQueue()
        queue.add(.result("a result\n"))
        let line = String(repeating: "x", count: 99)
        let count = 10 * OutputQueue.capacity / 100
        for number in 0..<count { queue.add(.line("\(number) \(line)")) }
        queue.add(.live("step 1"))
        let text = all(&queue)
        #expect(text.utf8.count <= OutputQueue.capacity + 1000)
        let lines = text.split(separator: "\n").map(String.init)
        let told = lines.first.flatMap { Int($0.dropFirst().prefix { $0.isNumber }) } ?? 0
        #expect(lines[1] == "a result", "a result is never left out")
        #expect(told > 0 && told + lines.count - 3 == count, "\(told) told, \(lines.count) shown")
        #expect(lines[lines.count - 2].hasPrefix("\(count - 1) "))
        #expect(queue.droppedCount == 0 && queue.isEmpty)
    }
}
