import OobleckCore

/// The tokens to train on, cut into samples: text, whose bytes are the tokens, or token ids.
///
/// Sample `i` has inputs `[i s, i s + s)` and targets one token further, for a sequence length s.
package struct Corpus: Sendable {
    private enum Tokens: Sendable {
        case bytes([UInt8])
        case identifiers([UInt16])
    }

    package let path: String
    /// What of the path was left out, for people; one line each.
    package let notes: [String]
    private let tokens: Tokens

    /// Reads a UTF-8 text file, a directory of `.txt` files, or token ids: a `.bin` file, of 16-bit
    /// ids unless `tokenBytes` says otherwise, or a `.npy` file.
    ///
    /// Throws `.inputData` when it is none of these, has a token outside the vocabulary, or is a
    /// text while the vocabulary is not that of bytes.
    package static func load(
        path: String,
        vocabulary: Int,
        tokenBytes: Int? = nil
    ) throws -> Corpus {
        let files = try CorpusFiles(path: path, tokenBytes: tokenBytes, vocabulary: vocabulary)
        switch files.content {
        case .identifiers(let identifiers):
            return Corpus(path: path, notes: files.notes, tokens: .identifiers(identifiers))
        case .text(let bytes):
            guard byteVocabulary...byteVocabulary + 64 ~= vocabulary else {
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
            return Corpus(path: path, notes: files.notes, tokens: .bytes(bytes))
        }
    }

    /// The corpus that a job names.
    ///
    /// Throws as ``load(path:vocabulary:tokenBytes:)`` does.
    package static func load(_ job: JobSpecification) throws -> Corpus {
        try load(
            path: job.corpusPath,
            vocabulary: job.model.vocabulary ?? byteVocabulary,
            tokenBytes: job.corpusTokenBytes
        )
    }

    private static let byteVocabulary = 256

    package var tokenCount: Int {
        switch tokens {
        case .bytes(let bytes): bytes.count
        case .identifiers(let identifiers): identifiers.count
        }
    }

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
            switch tokens {
            case .bytes(let bytes):
                inputs += bytes[first..<first + sequenceLength].lazy.map(Int64.init)
                targets += bytes[first + 1...first + sequenceLength].lazy.map(Int64.init)
            case .identifiers(let identifiers):
                inputs += identifiers[first..<first + sequenceLength].lazy.map(Int64.init)
                targets += identifiers[first + 1...first + sequenceLength].lazy.map(Int64.init)
            }
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

    /// SHA-256 over the token ids as little-endian 16-bit numbers, so that the same tokens have the
    /// same digest in every file format.
    ///
    /// Costs one pass.
    package var digest: String {
        var hasher = SHA256Hasher()
        let chunkSize = 1 << 16
        for first in stride(from: 0, to: tokenCount, by: chunkSize) {
            let range = first..<min(first + chunkSize, tokenCount)
            let chunk: [UInt16] =
                switch tokens {
                case .bytes(let bytes): bytes[range].map { UInt16($0).littleEndian }
                case .identifiers(let identifiers): identifiers[range].map(\.littleEndian)
                }
            chunk.withUnsafeBytes { hasher.update($0) }
        }
        return hasher.hexadecimal
    }
}
