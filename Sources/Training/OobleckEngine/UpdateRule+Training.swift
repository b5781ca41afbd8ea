import OobleckCore
import OobleckTensor

extension UpdateRule {
    /// The update number `step`, from one, of a job's training.
    init(_ training: TrainingSpecification, step: Int, learningRate: Double) {
        switch training.optimizer ?? .adamW {
        case .adamW:
            self = .adamW(
                AdamWUpdate(
                    step: step,
                    learningRate: learningRate,
                    beta1: training.beta1,
                    beta2: training.beta2,
                    weightDecay: training.weightDecay,
                    epsilon: training.epsilon
                )
            )
        case .sgd:
            self = .sgd(
                SGDUpdate(
                    learningRate: learningRate,
                    momentum: training.momentum ?? 0,
                    isNesterov: training.nesterov ?? false,
                    weightDecay: training.weightDecay
                )
            )
        }
    }
}
