/// Which tokens of a sample are hidden from a model that has to guess them (BERT, section 3.1).
package struct MaskingSpecification: Hashable, Sendable, Codable {
    package static let defaultFraction = 0.15

    /// Share of the tokens that are to be guessed.
    package var fraction: Double
    /// Token id that stands for a hidden one.
    package var token: Int
    /// Token ids that there are, which a hidden one may be replaced by.
    package var vocabulary: Int

    package init(fraction: Double = defaultFraction, token: Int, vocabulary: Int) {
        self.fraction = fraction
        self.token = token
        self.vocabulary = vocabulary
    }
}
