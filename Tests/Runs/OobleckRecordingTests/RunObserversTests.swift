import Dispatch
import OobleckCore
import OobleckRecording
import Synchronization
import Testing

@Suite("Observers of a run") struct RunObserversTests {
    private final class Heard: Sendable {
        private let steps = Mutex<[Int]>([])
        private let lost = Mutex(0)

        func receive(_ update: RunUpdate) {
            switch update {
            case .event(let event): steps.withLock { $0.append(event.event.step) }
            case .dropped(let count): lost.withLock { $0 += count }
            default: break
            }
        }

        var all: [Int] { steps.withLock { $0 } }
        var dropped: Int { lost.withLock { $0 } }
    }

    private func update(_ step: Int) -> RunUpdate {
        .event(
            TimedEvent(
                RunEvent(generation: 0, step: step, .finished),
                time: 0,
                monotonic: 0
            )
        )
    }

    @Test("each hears all in order; one that comes later hears what follows")
    func several() {
        let observers = RunObservers()
        let (first, second) = (Heard(), Heard())
        observers.add { first.receive($0) }
        for step in 0..<100 { observers.tell(update(step)) }
        observers.flush(within: 10)
        observers.add { second.receive($0) }
        for step in 100..<200 { observers.tell(update(step)) }
        observers.flush(within: 10)
        #expect(first.all == Array(0..<200))
        #expect(second.all == Array(100..<200))
        #expect(first.dropped == 0 && second.dropped == 0)
    }

    @Test("one that stands still is not waited for, loses the oldest, and is told how many")
    func standsStill() {
        let observers = RunObservers()
        let (slow, quick) = (Heard(), Heard())
        let mayGoOn = DispatchSemaphore(value: 0)
        let hasBegun = DispatchSemaphore(value: 0)
        let isFirst = Mutex(true)
        observers.add { update in
            let mustWait = isFirst.withLock { first in
                defer { first = false }
                return first
            }
            if mustWait {
                hasBegun.signal()
                mayGoOn.wait()
            }
            slow.receive(update)
        }
        observers.add { quick.receive($0) }
        observers.tell(update(-1))
        hasBegun.wait()
        let more = 50
        for step in 0..<RunObservers.mostNotices + more {
            observers.tell(update(step))
            // The quick one is never so far behind that it loses something.
            if step % 1000 == 0 { observers.flush(within: 0.01) }
        }
        // Telling returned although the slow one has not moved.
        #expect(slow.all.isEmpty)
        mayGoOn.signal()
        observers.flush(within: 10)
        #expect(slow.dropped == more)
        #expect(slow.all == [-1] + Array(more..<RunObservers.mostNotices + more))
        #expect(quick.all.last == RunObservers.mostNotices + more - 1)
    }
}
