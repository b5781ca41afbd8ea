/// How a parameter of an imported model starts, as the model's own code has it.
package struct InitialValue: Hashable, Sendable, Codable {
    package enum Kind: String, Hashable, Sendable, Codable {
        case normal
        /// What is left of a normal distribution between ``low`` and ``high``.
        case truncatedNormal = "truncated_normal"
        /// Evenly between ``low`` and ``high``.
        case uniform
        case constant
        /// As in the layer's file of weights.
        case stored
    }

    package var kind: Kind
    package var mean: Double?
    package var deviation: Double?
    package var low: Double?
    package var high: Double?
    package var value: Double?
    /// Rows that are zero whatever the rest is, as those of padding tokens are.
    package var zeroRows: [Int]?

    private enum CodingKeys: String, CodingKey {
        case kind
        case mean
        case deviation
        case low
        case high
        case value
        case zeroRows = "zero_rows"
    }
}
