/// A GPT-2 of any size: the model that is built in.
package struct GPT2Specification: Hashable, Sendable, Codable {
    package var name: String
    /// Transformer blocks; the planner sees two layers more, embedding and head.
    package var blocks: Int
    package var hidden: Int
    package var heads: Int
    package var vocabulary: Int
    /// Tokens of one sample.
    package var sequenceLength: Int
    package var dropout: Double
    /// `nil` for the published GPT-2, so that its text never changes: digests of jobs and models
    /// cover that text.
    private var otherVariant: ModelVariant?

    package init(
        name: String,
        blocks: Int,
        hidden: Int,
        heads: Int,
        vocabulary: Int,
        sequenceLength: Int,
        dropout: Double,
        variant: ModelVariant = .published
    ) {
        self.name = name
        self.blocks = blocks
        self.hidden = hidden
        self.heads = heads
        self.vocabulary = vocabulary
        self.sequenceLength = sequenceLength
        self.dropout = dropout
        self.variant = variant
    }

    private enum CodingKeys: String, CodingKey {
        case name
        case blocks
        case hidden
        case heads
        case vocabulary
        case sequenceLength
        case dropout
        case otherVariant = "variant"
    }

    /// Its differences from the published GPT-2.
    ///
    /// Counts that follow from the sizes are omitted.
    package var variant: ModelVariant {
        get { otherVariant ?? .published }
        set {
            var variant = newValue
            if variant.positions == sequenceLength { variant.positions = nil }
            if variant.inner == publishedInnerSize { variant.inner = nil }
            otherVariant = variant == .published ? nil : variant
        }
    }

    /// Layers as the planner counts them: embedding, blocks, head.
    package var layerCount: Int { blocks + 2 }

    /// Rows of the position embedding; samples use the first of them.
    package var positionCount: Int { variant.positions ?? sequenceLength }

    /// Width of the feed-forward part.
    package var innerSize: Int { variant.inner ?? publishedInnerSize }

    /// That of the published GPT-2; a width that makes no sense, which is yet to be refused, has one
    /// as well.
    private var publishedInnerSize: Int {
        let (size, overflows) = hidden.multipliedReportingOverflow(by: 4)
        return overflows ? .max : size
    }

    /// Whether the head is the token embedding.
    package var tiesHead: Bool { variant.tiesHead }

    /// What attention scores of a block, counted from zero, are multiplied with.
    package func attentionScale(ofBlock block: Int) -> Double {
        let scale = variant.scalesAttention ? 1 / Double(hidden / heads).squareRoot() : 1
        return variant.scalesAttentionByBlock ? scale / Double(block + 1) : scale
    }
}
