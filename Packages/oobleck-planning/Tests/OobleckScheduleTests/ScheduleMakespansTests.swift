import OobleckSchedule
import OobleckSeeds
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct ScheduleMakespansTests {
    @Test(
        "one walk gives the makespans of all microbatch counts, to the last bit",
        arguments: Seed.range(0..<60)
    )
    func equal(seed: Seed) {
        var random = SeededGenerator(seed)
        let stages = (0..<Int.random(in: 1...9, using: &random)).map { _ in
            StageTime(
                forward: Seconds(Double.random(in: 0...1, using: &random)),
                backward: Seconds(Double.random(in: 0...2, using: &random))
            )
        }
        let found = ScheduleMakespans.all(stages: stages, upTo: 40)
        #expect(
            found
                == (1...40).map { OneForwardOneBackward.makespan(stages: stages, microbatches: $0) },
            "\(seed)"
        )
        #expect(zip(found, found.dropFirst()).allSatisfy { $0 <= $1 }, "\(seed)")
    }

    @Test("equal stages take (m + S - 1) w")
    func closedForm() {
        let stages = [StageTime](repeating: StageTime(forward: 1, backward: 2), count: 4)
        let found = ScheduleMakespans.all(stages: stages, upTo: 6)
        #expect(found == (1...6).map { Seconds(Double(($0 + 3) * 3)) })
    }

    @Test("no microbatch, no time")
    func none() {
        #expect(ScheduleMakespans.all(stages: [StageTime(forward: 1, backward: 1)], upTo: 0) == [])
    }
}
