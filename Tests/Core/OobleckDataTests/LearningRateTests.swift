import OobleckCore
import OobleckData
import Testing

@Suite("Learning rate", .timeLimit(.minutes(5)))
struct LearningRateTests {
    private let schedule = LearningRateSchedule(training())

    private static func training(
        _ schedule: LearningRateDecay? = nil,
        cooldown: Int? = nil
    ) -> TrainingSpecification {
        TrainingSpecification(
            steps: 110,
            schedule: schedule,
            cooldownSteps: cooldown,
            seed: 1,
            globalBatch: 8,
            microbatch: 2,
            learningRate: 1e-3,
            minimumLearningRate: 1e-4,
            warmupSteps: 10,
            weightDecay: 0,
            beta1: 0.9,
            beta2: 0.95,
            epsilon: 1e-8,
            gradientClip: 1
        )
    }

    @Test("it rises linearly to the peak, falls by a half cosine, and ends near the minimum")
    func shape() {
        #expect(abs(schedule.rate(step: 0) - 1e-4) < 1e-12)
        #expect(abs(schedule.rate(step: 9) - 1e-3) < 1e-12)
        #expect(abs(schedule.rate(step: 60) - 5.5e-4) < 1e-12)
        #expect(abs(schedule.rate(step: 110) - 1e-4) < 1e-12)
        for step in 10..<109 { #expect(schedule.rate(step: step + 1) < schedule.rate(step: step)) }
    }

    @Test("more steps than the schedule is made for change no step, and end at the minimum")
    func extended() {
        var training = Self.training()
        training.extend(to: 300)
        let longer = LearningRateSchedule(training)
        for step in 0..<110 { #expect(longer.rate(step: step) == schedule.rate(step: step)) }
        #expect((110..<300).allSatisfy { abs(longer.rate(step: $0) - 1e-4) < 1e-12 })
    }

    @Test("a straight line falls by the same amount in every step after the warmup")
    func linear() {
        let schedule = LearningRateSchedule(Self.training(.linear))
        #expect(schedule.rate(step: 9) == 1e-3)
        for step in 10..<110 {
            let fall = schedule.rate(step: step) - schedule.rate(step: step + 1)
            #expect(abs(fall - 9e-6) < 1e-15)
        }
        #expect(abs(schedule.rate(step: 500) - 1e-4) < 1e-15)
    }

    @Test("a constant rate stays at the peak after the warmup")
    func constant() {
        let schedule = LearningRateSchedule(Self.training(.constant))
        #expect(abs(schedule.rate(step: 4) - 5e-4) < 1e-15)
        #expect((9..<1000).allSatisfy { schedule.rate(step: $0) == 1e-3 })
    }

    @Test("warmup, stable, decay: the rate falls over the last steps alone, a fifth unless said")
    func stableThenDecay() {
        for (cooldown, start) in [(nil, 88), (40, 70), (100, 10)] as [(Int?, Int)] {
            let schedule = LearningRateSchedule(
                Self.training(.stableThenDecay, cooldown: cooldown)
            )
            #expect((9...start).allSatisfy { schedule.rate(step: $0) == 1e-3 })
            #expect(schedule.rate(step: start + 1) < 1e-3)
            let middle = (schedule.rate(step: start) + schedule.rate(step: 110)) / 2
            #expect(abs(schedule.rate(step: (start + 110) / 2) - middle) < 1e-12)
            #expect(abs(schedule.rate(step: 110) - 1e-4) < 1e-15)
        }
    }

    @Test("every schedule is left as it is by an extension", arguments: LearningRateDecay.allCases)
    func extendedAlike(decay: LearningRateDecay) {
        let training = Self.training(decay)
        var longer = training
        longer.extend(to: 300)
        let (before, after) = (LearningRateSchedule(training), LearningRateSchedule(longer))
        #expect((0..<110).allSatisfy { before.rate(step: $0) == after.rate(step: $0) })
    }
}
