import OobleckCore
import OobleckTensor

extension AdamWUpdate {
    /// The update number `step`, from one, of a job's training.
    init(_ training: TrainingSpecification, step: Int, learningRate: Double) {
        self.init(
            step: step,
            learningRate: learningRate,
            beta1: training.beta1,
            beta2: training.beta2,
            weightDecay: training.weightDecay,
            epsilon: training.epsilon
        )
    }
}
