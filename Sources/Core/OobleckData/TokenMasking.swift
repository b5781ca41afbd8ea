import OobleckCore

/// Hides tokens of samples: a pure function of the seed and the sample's position in the endless order,
/// so that every epoch hides others, and every worker the same.
///
/// Of the tokens to guess, 80 % become the mask's token, 10 % any token, and 10 % stay (Devlin et al.,
/// "BERT", 2019, section 3.1).
package struct TokenMasking: Sendable {
    /// Domain of the seeds of masks.
    private static let domain: UInt64 = 11
    /// What stands for a token that is not to be guessed.
    package static let ignored: Int64 = -100

    private let masking: MaskingSpecification
    private let seed: UInt64

    package init(_ masking: MaskingSpecification, seed: UInt64) {
        self.masking = masking
        self.seed = seed
    }

    /// A sample with tokens hidden, and what is to be guessed of it.
    package func apply(
        to tokens: some Sequence<Int64>,
        position: Int
    ) -> (inputs: [Int64], targets: [Int64]) {
        var (inputs, targets): ([Int64], [Int64]) = ([], [])
        for (index, token) in tokens.enumerated() {
            let word = mixedSeed(Self.domain, seed, UInt64(position), UInt64(index))
            guard Self.share(word) < masking.fraction else {
                inputs.append(token)
                targets.append(Self.ignored)
                continue
            }
            targets.append(token)
            inputs.append(replacement(of: token, word: mixedSeed(word, 1)))
        }
        return (inputs, targets)
    }

    private func replacement(of token: Int64, word: UInt64) -> Int64 {
        switch Self.share(word) {
        case ..<0.8: Int64(masking.token)
        case ..<0.9: Int64(mixedSeed(word, 2) % UInt64(masking.vocabulary))
        default: token
        }
    }

    /// A word as a number from 0 to 1.
    private static func share(_ word: UInt64) -> Double { Double(word >> 11) * 0x1p-53 }
}
