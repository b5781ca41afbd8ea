import OobleckClock
import OobleckCore
import Synchronization
import Testing

@testable import OobleckTransport

private final class Flag: Sendable {
    private let value = Mutex(false)
    var isUp: Bool { value.withLock { $0 } }
    func raise() { value.withLock { $0 = true } }
}

@Suite(.timeLimit(.minutes(5))) struct PieceGateTests {
    @Test("the ninth piece waits until one is sent")
    func waits() async {
        let gate = PieceGate(patience: 30)
        gate.open()
        for _ in 0..<8 { gate.enter() }
        let through = Flag()
        await withTaskGroup { group in
            group.addTask {
                gate.enter()
                through.raise()
            }
            group.addTask {
                try? await Task.sleep(for: .milliseconds(50))
                #expect(!through.isUp)
                gate.leave()
            }
        }
        #expect(through.isUp)
    }

    @Test("without a connection nothing waits, nor after it ended")
    func closed() {
        let gate = PieceGate(patience: 30)
        let start = MonotonicTime.now
        for _ in 0..<20 { gate.enter() }
        gate.open()
        for _ in 0..<8 { gate.enter() }
        gate.close()
        for _ in 0..<20 { gate.enter() }
        #expect(MonotonicTime.now - start < 10)
    }

    @Test("a piece is let through after the patience ended")
    func patience() {
        let gate = PieceGate(patience: 0.05)
        gate.open()
        for _ in 0..<9 { gate.enter() }
    }
}
