import OobleckCoordination
import OobleckCore
import OobleckTestSupport
import Testing

@Suite("Directives while storage fails", .timeLimit(.minutes(5))) struct DirectiveQueueTests {
    private static let failure = OobleckError(.storage, "cannot write /x: No space left on device")

    private static func step(_ step: Int) -> [CoordinatorInstance.Directive] {
        let committed = CommittedStep(
            step: step,
            generation: 0,
            firstSample: step,
            endSample: step + 1,
            loss: 1,
            gradientNorm: 1
        )
        return [
            .persist(.committed(committed)), .record(committed),
            .worker(0, .message(.stop(reason: "\(step)"))),
            .worker(1, .message(.stop(reason: "\(step)"))),
        ]
    }

    @Test("whatever fails, all is performed in the order of the decisions", arguments: 0..<100)
    func order(seed: UInt64) {
        var random = SeededGenerator(Seed(value: seed))
        var queue = DirectiveQueue()
        var now = Seconds(0)
        var performed: [CoordinatorInstance.Directive] = []
        func perform() {
            while let directive = queue.next(now: now) {
                if case .worker = directive {
                } else if random.next().isMultiple(of: 3) {
                    _ = queue.noteFailure(Self.failure, now: now)
                    return
                }
                performed.append(directive)
                queue.notePerformed()
            }
        }
        for step in 0..<20 {
            for directive in Self.step(step) { queue.add(directive) }
            perform()
            var attempts = 0
            while queue.isWaiting {
                attempts += 1
                #expect(attempts < 200)
                #expect(queue.next(now: now) == nil, "it is given time")
                now = now + StorageWait.longestPause
                perform()
                _ = queue.endWait()
            }
        }
        #expect(performed == (0..<20).flatMap(Self.step))
    }

    @Test("it is tried again soon at first, then twice a second")
    func pauses() {
        var queue = DirectiveQueue()
        for directive in Self.step(0) { queue.add(directive) }
        let isFirst = queue.noteFailure(Self.failure, now: 0)
        #expect(isFirst)
        #expect(queue.next(now: 0.04) == nil && queue.next(now: 0.06) != nil)
        for _ in 0..<10 {
            let isAgain = !queue.noteFailure(Self.failure, now: 1)
            #expect(isAgain)
        }
        #expect(queue.next(now: 1.4) == nil && queue.next(now: 1.6) != nil)
        #expect(queue.wait?.phrase(now: 12.9) == "No space left on device, 12 s")
    }
}
