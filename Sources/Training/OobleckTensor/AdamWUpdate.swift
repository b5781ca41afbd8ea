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

    var constants: CTUpdateRule {
        var rule = CTUpdateRule()
        rule.kind = CT_ADAMW
        rule.step = Int64(step)
        rule.learning_rate = learningRate
        rule.beta1 = beta1
        rule.beta2 = beta2
        rule.weight_decay = weightDecay
        rule.epsilon = epsilon
        return rule
    }
}
