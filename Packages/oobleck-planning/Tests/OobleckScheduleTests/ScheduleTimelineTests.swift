import OobleckSchedule
import OobleckSeeds
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct ScheduleTimelineTests {
    @Test("equal stages take (m + S - 1)(F + B), and wait (S - 1) / (m + S - 1) of the time")
    func equalStages() {
        for stageCount in 1...8 {
            for microbatches in 1...16 {
                let stages = Array(
                    repeating: StageTime(forward: 2, backward: 5),
                    count: stageCount
                )
                let slots = microbatches + stageCount - 1
                let time = OneForwardOneBackward.makespan(
                    stages: stages,
                    microbatches: microbatches
                )
                #expect(time.value == Double(slots * 7))
                let bubble = OneForwardOneBackward.bubbleShare(
                    stages: stages,
                    microbatches: microbatches
                )
                // One division on each side: a unit in the last place.
                #expect(abs(bubble - Double(stageCount - 1) / Double(slots)) < 1e-15)
            }
        }
    }

    @Test("one stage takes the sum of its work, and one microbatch the sum of all stages")
    func degenerate() {
        let stages = [
            StageTime(forward: 1, backward: 2), StageTime(forward: 4, backward: 8),
            StageTime(forward: 16, backward: 32),
        ]
        #expect(OneForwardOneBackward.makespan(stages: [stages[1]], microbatches: 5) == 60)
        #expect(OneForwardOneBackward.makespan(stages: stages, microbatches: 1) == 63)
        #expect(OneForwardOneBackward.makespan(stages: stages, microbatches: 0) == 0)
        #expect(OneForwardOneBackward.bubbleShare(stages: stages, microbatches: 0) == 0)
    }

    @Test("worked by hand: a slow second stage")
    func byHand() {
        // Stage 0: F0 0-1, F1 1-2, B0 when B0 of stage 1 ends. Stage 1: F0 1-4, B0 4-8, F1 8-11,
        // B1 11-15. Stage 0: B0 8-9, B1 15-16.
        let stages = [
            StageTime(forward: 1, backward: 1), StageTime(forward: 3, backward: 4),
        ]
        let timeline = ScheduleTimeline(stages: stages, microbatches: 2)
        #expect(timeline.makespan == 16)
        #expect(timeline.ends == [[1, 2, 9, 16], [4, 8, 11, 15]])
        #expect(abs(timeline.bubbleShare - (1 - 18.0 / 32.0)) < 1e-15)
    }

    @Test(
        "the makespan lies between the longest path's lower bounds and serial execution",
        arguments: Seed.range(0..<100)
    )
    func bounds(seed: Seed) {
        var random = SeededGenerator(seed)
        let stages = (0..<Int.random(in: 1...6, using: &random)).map { _ in
            StageTime(
                forward: Seconds(Double(Int.random(in: 0...9, using: &random))),
                backward: Seconds(Double(Int.random(in: 0...9, using: &random)))
            )
        }
        let microbatches = Int.random(in: 1...10, using: &random)
        let works = stages.map { $0.forward.value + $0.backward.value }
        let time = OneForwardOneBackward.makespan(stages: stages, microbatches: microbatches).value
        let total = works.reduce(0, +)
        for stage in stages.indices {
            // The first microbatch has to get here and the last one back.
            let ways = works[..<stage].reduce(0, +)
            #expect(time >= ways + Double(microbatches) * works[stage], "\(seed)")
        }
        #expect(time >= total && time <= Double(microbatches) * total, "\(seed)")
    }

    @Test("stages that wait for each other have no timeline")
    func deadlock() {
        let stages = Array(repeating: StageTime(forward: 1, backward: 1), count: 2)
        let instructions: [[Instruction]] = [
            [.forward(0), .backward(0), .forward(1), .backward(1)],
            [.forward(0), .forward(1), .backward(0), .backward(1)],
        ]
        #expect(ScheduleTimeline(stages: stages, instructions: instructions)?.makespan == nil)
    }
}
