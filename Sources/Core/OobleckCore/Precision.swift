/// With how many digits layers compute.
package enum Precision: String, Hashable, Sendable, Codable, CaseIterable {
    case float32
    /// Operators take bfloat16 where libtorch's autocast says that they may, and so does all that crosses
    /// layers; parameters, their sums and their moments stay float32.
    case bfloat16
}
