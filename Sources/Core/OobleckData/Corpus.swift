import OobleckCore

/// The tokens to train on, cut into samples: text, whose bytes are the tokens, or token ids.
///
/// Sample `i` has inputs `[i s, i s + s)` and targets one token further, for a sequence length s.
///
/// Files are mapped, not read into memory. They are examined once, and a summary is kept beside the
/// file (``KeptSummary``). They must not change while the corpus is in use.
package struct Corpus: Sendable {
    package let path: String
    /// What of the path was left out, for people; one line each.
    package let notes: [String]
    /// SHA-256 over the token ids as little-endian 16-bit numbers, or as 32-bit ones when an id needs
    /// more, so that the same tokens have the same digest in every file format.
    package let digest: String
    private let tokens: TokenSequence

    /// Opens a UTF-8 text file, a directory of `.txt` files, or token ids: a `.bin` file, of 16-bit
    /// ids unless `tokenBytes` says otherwise, a `.npy` file, or a Megatron-LM data set by its `.idx`
    /// or `.bin` file.
    ///
    /// Costs one pass, as `look` says, over a file of which no summary is kept.
    /// Throws `.inputData` when it is none of
    /// these, has a token outside the vocabulary, or is a text while the vocabulary is not that of
    /// bytes.
    package static func load(
        path: String,
        vocabulary: Int,
        tokenBytes: Int? = nil,
        look: FirstLook = FirstLook()
    ) throws -> Corpus {
        let files = try CorpusFiles(
            path: path,
            tokenBytes: tokenBytes,
            vocabulary: vocabulary,
            look: look
        )
        guard !files.isText || textVocabularies ~= vocabulary else {
            throw OobleckError(
                .inputData,
                "\(path): the tokens of a text are its bytes, and model.vocabulary is "
                    + "\(vocabulary); "
                    + (vocabulary < byteVocabulary
                        ? "it must be at least \(byteVocabulary)"
                        : "set model.vocabulary: \(byteVocabulary), or give the text's token ids "
                            + "as a .bin or .npy file")
            )
        }
        return Corpus(
            path: path,
            notes: files.notes,
            digest: files.summary.digest,
            tokens: files.tokens
        )
    }

    /// The corpus that a job names.
    ///
    /// Throws as ``load(path:vocabulary:tokenBytes:look:)`` does.
    package static func load(
        _ job: JobSpecification,
        look: FirstLook = FirstLook()
    ) throws -> Corpus {
        try load(
            path: job.corpusPath,
            vocabulary: job.model.vocabulary ?? byteVocabulary,
            tokenBytes: job.corpusTokenBytes,
            look: look
        )
    }

    private static let byteVocabulary = 256
    /// Vocabularies that a text fits: the bytes, and some special ids beside them.
    package static let textVocabularies = byteVocabulary...byteVocabulary + 64

    package var tokenCount: Int { tokens.count }

    /// Whole samples in the corpus.
    ///
    /// Throws `.inputData` when there is none.
    package func sampleCount(sequenceLength: Int) throws -> Int {
        precondition(sequenceLength > 0, "sequence length \(sequenceLength) is not positive")
        let count = (tokenCount - 1) / sequenceLength
        guard count > 0 else {
            throw OobleckError(
                .inputData,
                "\(path): has \(counted(tokenCount, "token")), and one sample takes \(sequenceLength + 1); "
                    + "use a longer corpus or a shorter sequence_length"
            )
        }
        return count
    }

    /// Whole samples of a job's model in the corpus.
    ///
    /// Throws as ``sampleCount(sequenceLength:)`` does.
    package func sampleCount(_ job: JobSpecification) throws -> Int {
        try sampleCount(sequenceLength: job.model.sequenceLength ?? 1)
    }

    /// Fills both buffers with the samples of the given indices, `[samples, sequence]`, row-major.
    ///
    /// The buffers are resized as needed and keep their memory from call to call.
    package func fill(
        samples: [Int],
        sequenceLength: Int,
        inputs: inout [Int64],
        targets: inout [Int64]
    ) {
        inputs.removeAll(keepingCapacity: true)
        targets.removeAll(keepingCapacity: true)
        inputs.reserveCapacity(samples.count * sequenceLength)
        targets.reserveCapacity(samples.count * sequenceLength)
        for sample in samples {
            let first = sample * sequenceLength
            precondition(
                sample >= 0 && first + sequenceLength < tokenCount,
                "sample \(sample) is outside a corpus of \(counted(tokenCount, "token"))"
            )
            tokens.append(first..<first + sequenceLength, to: &inputs)
            tokens.append(first + 1..<first + 1 + sequenceLength, to: &targets)
            tokens.forget(first..<first + 1 + sequenceLength)
        }
    }

    /// The samples of the given indices, both `[samples, sequence]`, row-major.
    package func batch(
        samples: [Int],
        sequenceLength: Int
    ) -> (inputs: [Int64], targets: [Int64]) {
        var inputs: [Int64] = []
        var targets: [Int64] = []
        fill(samples: samples, sequenceLength: sequenceLength, inputs: &inputs, targets: &targets)
        return (inputs, targets)
    }
}
