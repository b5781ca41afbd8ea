/// The rule by which a mean gradient changes the parameters.
package enum OptimizerKind: String, Hashable, Sendable, Codable, CaseIterable {
    /// AdamW with decoupled weight decay (Loshchilov and Hutter, ICLR 2019).
    case adamW = "adamw"
    /// Stochastic gradient descent with momentum, as `torch.optim.SGD` has it.
    case sgd
}
