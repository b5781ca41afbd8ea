import OobleckCore

/// The published sizes of GPT-2, as the `transformers` package has them.
package enum ModelPreset: String, CaseIterable, Sendable {
    case gpt2
    case medium = "gpt2-medium"
    case large = "gpt2-large"
    case extraLarge = "gpt2-xl"

    package var specification: GPT2Specification {
        let (blocks, hidden, heads) =
            switch self {
            case .gpt2: (12, 768, 12)
            case .medium: (24, 1024, 16)
            case .large: (36, 1280, 20)
            case .extraLarge: (48, 1600, 25)
            }
        return GPT2Specification(
            name: rawValue,
            blocks: blocks,
            hidden: hidden,
            heads: heads,
            vocabulary: 50_257,
            sequenceLength: 1024,
            dropout: 0.1
        )
    }
}
