import OobleckValues
import Testing

@testable import OobleckSimulator

@Suite(.timeLimit(.minutes(10))) struct SimulationCoreTests {
    @Test("events come in order of time, those of one time in order of scheduling")
    func order() {
        let random = CounterRandom(seed: 7)
        var queue = EventQueue<Int>()
        var expected: [(time: Int, index: Int)] = []
        for index in 0..<500 {
            let time = Int(random.bits(stream: 0, index: index) % 20)
            queue.schedule(index, at: SimulatedTime(nanoseconds: time))
            expected.append((time, index))
        }
        expected.sort { ($0.time, $0.index) < ($1.time, $1.index) }
        for (time, index) in expected {
            let next = queue.next()
            #expect(next?.time.nanoseconds == time)
            #expect(next?.payload == index)
        }
        #expect(queue.next() == nil)
    }

    @Test("a cancelled timer never fires, and cancelling twice or too late does nothing")
    func cancelled() {
        var queue = EventQueue<String>()
        let first = queue.schedule("first", at: SimulatedTime(nanoseconds: 1))
        let stale = queue.schedule("stale", at: SimulatedTime(nanoseconds: 2))
        queue.schedule("last", at: SimulatedTime(nanoseconds: 3))
        queue.cancel(stale)
        queue.cancel(stale)
        #expect(queue.count == 2)
        #expect(queue.next()?.payload == "first")
        queue.cancel(first)
        #expect(queue.next()?.payload == "last")
        #expect(queue.next() == nil)
    }

    @Test("random numbers depend on seed, stream and index alone, and have the right means")
    func random() {
        let random = CounterRandom(seed: 1)
        #expect(
            random.bits(stream: 3, index: 5) == CounterRandom(seed: 1).bits(stream: 3, index: 5)
        )
        #expect(random.bits(stream: 3, index: 5) != random.bits(stream: 5, index: 3))
        #expect(
            random.bits(stream: 3, index: 5) != CounterRandom(seed: 2).bits(stream: 3, index: 5)
        )
        let count = 20_000
        func mean(_ draw: (Int) -> Double) -> Double {
            (0..<count).reduce(0) { $0 + draw($1) } / Double(count)
        }
        // Five standard errors of a mean of standard deviation 1, and 2.24 for shape 0.5.
        let tolerance = 5 / Double(count).squareRoot()
        #expect(abs(mean { random.uniform(stream: 0, index: $0) } - 0.5) < tolerance)
        #expect(abs(mean { random.exponential(stream: 1, index: $0) } - 1) < tolerance)
        #expect(abs(mean { random.weibull(shape: 0.5, stream: 2, index: $0) } - 1) < 3 * tolerance)
        #expect(abs(mean { random.weibull(shape: 3, stream: 2, index: $0) } - 1) < tolerance)
    }

    /// Steps and checkpoints one after the other.
    private func walk(_ elapsed: Int, step: Int, _ rhythm: CheckpointRhythm?) -> [Int] {
        var (time, steps, partial, holdUp) = (0, 0, 0, 0)
        var ends: [(end: Int, steps: Int)] = []
        while time < elapsed {
            if let rhythm, steps > 0, steps % rhythm.steps == 0, ends.last?.steps != steps {
                let spent = min(rhythm.holdUp.nanoseconds, elapsed - time)
                holdUp += spent
                time += spent
                guard spent == rhythm.holdUp.nanoseconds else { break }
                ends.append((time, steps))
                continue
            }
            if time + step <= elapsed {
                time += step
                steps += 1
            } else {
                partial = elapsed - time
                time = elapsed
            }
        }
        // One that is held up to the very end is done too.
        if let rhythm, rhythm.holdUp == .zero, steps > 0, steps % rhythm.steps == 0,
            ends.last?.steps != steps
        {
            ends.append((time, steps))
        }
        let writing = rhythm?.writing.nanoseconds ?? 0
        let safe = ends.last { $0.end + writing <= elapsed }?.steps ?? 0
        return [steps, partial, holdUp, safe]
    }

    @Test("steps counted at once are those of a walk from step to step", arguments: 0..<400)
    func progress(seed: Int) {
        let random = CounterRandom(seed: UInt64(seed))
        func draw(_ index: Int, _ most: Int) -> Int {
            Int(random.bits(stream: 0, index: index) % UInt64(most))
        }
        let step = 1 + draw(0, 20)
        let rhythm = CheckpointRhythm(
            steps: 1 + draw(1, 5),
            holdUp: SimulatedTime(nanoseconds: 1 + draw(2, 15)),
            writing: SimulatedTime(nanoseconds: draw(3, 2) * draw(4, 30))
        )
        let elapsed = draw(5, 1000)
        for checkpoints in [nil, rhythm] {
            let progress = RunProgress(
                elapsed: SimulatedTime(nanoseconds: elapsed),
                step: SimulatedTime(nanoseconds: step),
                checkpoints: checkpoints
            )
            let counted = [
                progress.steps, progress.partial, progress.holdUp, progress.safeSteps,
            ]
            #expect(
                counted == walk(elapsed, step: step, checkpoints),
                "\(elapsed) ns of \(step) ns, \(checkpoints.debugDescription)"
            )
        }
    }

    @Test("the rhythm of checkpoints goes on from stretch to stretch", arguments: 0..<200)
    func rhythmOverStretches(seed: Int) {
        let random = CounterRandom(seed: UInt64(seed))
        func draw(_ index: Int, _ most: Int) -> Int {
            Int(random.bits(stream: 0, index: index) % UInt64(most))
        }
        let interval = 100 + draw(0, 300)
        var since = 0
        var walked = 0
        for stretch in 1...12 {
            let step = 1 + draw(10 * stretch, 20)
            let rhythm = CheckpointRhythm(
                steps: interval / step,
                holdUp: SimulatedTime(nanoseconds: 1 + draw(10 * stretch + 1, 15))
            )
            let elapsed = draw(10 * stretch + 2, 900)
            let progress = RunProgress(
                elapsed: SimulatedTime(nanoseconds: elapsed),
                step: SimulatedTime(nanoseconds: step),
                checkpoints: rhythm,
                sinceCheckpoint: since
            )
            // Step by step: a snapshot follows a step that makes the interval full.
            var (time, steps, heldUp, safe) = (0, 0, 0, 0)
            while time + step <= elapsed {
                (time, steps, walked) = (time + step, steps + 1, walked + step)
                guard walked / step >= rhythm.steps else { continue }
                let holdUp = min(rhythm.holdUp.nanoseconds, elapsed - time)
                (time, heldUp) = (time + holdUp, heldUp + holdUp)
                if holdUp == rhythm.holdUp.nanoseconds { (safe, walked) = (steps, 0) }
            }
            since = progress.sinceCheckpoint
            #expect(
                [progress.steps, progress.holdUp, progress.safeSteps, since]
                    == [steps, heldUp, safe, walked],
                "stretch \(stretch) of \(elapsed) ns with steps of \(step) ns"
            )
        }
    }
}
