/// What is computed again in the backward pass instead of being kept from the forward pass.
package enum Recomputation: String, Hashable, Sendable, Codable, CaseIterable {
    /// Nothing.
    case none
    /// Every layer but the last: only what crosses layers is kept (Chen et al., "Training Deep Nets with
    /// Sublinear Memory Cost", 2016). The same operators run on the same bits, so no bit changes.
    case layers
}
