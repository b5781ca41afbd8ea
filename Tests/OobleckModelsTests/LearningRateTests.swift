import OobleckCore
import OobleckModels
import Testing

@Suite("Learning rate")
struct LearningRateTests {
    private let schedule = LearningRateSchedule(
        TrainingSpecification(
            steps: 110,
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
    )

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
        var training = TrainingSpecification(
            steps: 110,
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
        training.extend(to: 300)
        let longer = LearningRateSchedule(training)
        for step in 0..<110 { #expect(longer.rate(step: step) == schedule.rate(step: step)) }
        #expect((110..<300).allSatisfy { abs(longer.rate(step: $0) - 1e-4) < 1e-12 })
    }
}
