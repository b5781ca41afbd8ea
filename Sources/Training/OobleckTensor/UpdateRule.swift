import CTorch

/// The constants of one update of the optimizer.
package enum UpdateRule: Sendable {
    case adamW(AdamWUpdate)
    case sgd(SGDUpdate)

    var constants: CTUpdateRule {
        switch self {
        case .adamW(let update): update.constants
        case .sgd(let update): update.constants
        }
    }
}

/// The constants of one update by stochastic gradient descent, as `torch.optim.SGD` has it: weight decay
/// is part of the gradient, the first moment holds the momentum, and the second stays zero.
package struct SGDUpdate: Sendable {
    package var learningRate: Double
    package var momentum: Double
    package var isNesterov: Bool
    package var weightDecay: Double

    package init(learningRate: Double, momentum: Double, isNesterov: Bool, weightDecay: Double) {
        self.learningRate = learningRate
        self.momentum = momentum
        self.isNesterov = isNesterov
        self.weightDecay = weightDecay
    }

    var constants: CTUpdateRule {
        var rule = CTUpdateRule()
        rule.kind = CT_SGD
        rule.learning_rate = learningRate
        rule.momentum = momentum
        rule.nesterov = isNesterov
        rule.weight_decay = weightDecay
        return rule
    }
}
