/// How the learning rate falls from its peak, after the warmup, to its minimum.
package enum LearningRateDecay: String, Hashable, Sendable, Codable, CaseIterable {
    /// Half a period of the cosine (Loshchilov and Hutter, SGDR, 2017).
    case cosine
    /// A straight line.
    case linear
    /// It does not fall.
    case constant
    /// It stays at the peak, and falls in a straight line over the last steps (Hu et al., MiniCPM,
    /// 2024, section 4: warmup, stable, decay).
    case stableThenDecay = "wsd"
}
