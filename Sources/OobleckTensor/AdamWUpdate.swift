import CTorch

/// The constants of one AdamW update (Loshchilov and Hutter, ICLR 2019).
package struct AdamWUpdate: Sendable {
    /// Number of this update, from one.
    package var step: Int
    package var learningRate: Double
    package var beta1: Double
    package var beta2: Double
    package var weightDecay: Double
    package var epsilon: Double

    package init(
        step: Int,
        learningRate: Double,
        beta1: Double,
        beta2: Double,
        weightDecay: Double,
        epsilon: Double
    ) {
        self.step = step
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.weightDecay = weightDecay
        self.epsilon = epsilon
    }

    var constants: CTAdamW {
        CTAdamW(
            step: Int64(step),
            learning_rate: learningRate,
            beta1: beta1,
            beta2: beta2,
            weight_decay: weightDecay,
            epsilon: epsilon
        )
    }
}
