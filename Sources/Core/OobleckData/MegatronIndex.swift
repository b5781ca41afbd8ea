import OobleckCore

/// The index of a Megatron-LM data set: `NAME.idx`, which says of what type the tokens in `NAME.bin`
/// are and where its sequences begin.
///
/// Layout, little-endian (Megatron-LM, `megatron/core/datasets/indexed_dataset.py`): the mark, the
/// version (8 bytes), a code for the type (1 byte), the counts of sequences and of documents (8 bytes
/// each); then the length of each sequence in tokens (4 bytes), the place of each in bytes (8 bytes),
/// the documents (8 bytes each), and a mode for each sequence (1 byte) in multimodal sets only.
///
/// Sequences are in the order of the file, one right after the other, as Megatron-LM writes them; so
/// the tokens are read without a regard for where sequences and documents end.
struct MegatronIndex {
    private static let mark = Array("MMIDIDX\0\0".utf8)
    private static let headerSize = 34
    private static let types: [UInt8: TokenType] = [
        1: .uint8, 2: .int8, 3: .int16, 4: .int32, 5: .int64, 8: .uint16,
    ]

    let type: TokenType
    private let file: MappedFile
    private let sequenceCount: Int

    var identity: FileIdentity { file.identity }

    static func isOne(_ file: MappedFile) -> Bool { file.prefix(mark.count) == mark }

    /// Reads the header.
    ///
    /// Throws `.inputData` when it or the size of the file cannot be right.
    init(_ file: MappedFile) throws {
        self.file = file
        guard file.count >= Self.headerSize else {
            throw Self.refusal(file, "it has \(counted(file.count, "byte")) and ends in its header")
        }
        let (version, code, sequences, documents) = file.withBytes { bytes in
            (
                Self.number(bytes, 9, UInt64.self), bytes[17], Self.number(bytes, 18, UInt64.self),
                Self.number(bytes, 26, UInt64.self)
            )
        }
        guard version == 1 else {
            throw Self.refusal(file, "its version is \(version); it must be 1")
        }
        guard let type = Self.types[code] else {
            throw Self.refusal(
                file,
                "its tokens are "
                    + ([6, 7].contains(code) ? "floating-point numbers" : "of an unknown type")
                    + " (type code \(code)); they must be integers (1 to 5, or 8)"
            )
        }
        // Neither count can be above the size, so that the sum does not overflow.
        let size = UInt64(file.count)
        let wanted = UInt64(Self.headerSize) + 12 * min(sequences, size) + 8 * min(documents, size)
        guard size == wanted || size == wanted + min(sequences, size) else {
            throw Self.refusal(
                file,
                "it has \(counted(size, "byte")); \(counted(sequences, "sequence")) and "
                    + "\(counted(documents, "document")) take \(wanted)"
            )
        }
        self.type = type
        sequenceCount = Int(sequences)
    }

    /// Checks that the sequences follow each other and fill the file of the tokens.
    ///
    /// Costs one pass over the index. Throws `.inputData` for the first sequence that does not fit.
    func check(_ data: MappedFile) throws {
        file.expect(.sequential)
        let lengths = Self.headerSize
        let places = lengths + 4 * sequenceCount
        defer { file.forget(0..<file.count) }
        let end = try file.withBytes { bytes in
            var end = 0
            for sequence in 0..<sequenceCount {
                let length = Int(Self.number(bytes, lengths + 4 * sequence, Int32.self))
                let place = Int(Self.number(bytes, places + 8 * sequence, Int64.self))
                guard place == end else {
                    throw refusal(
                        "sequence \(sequence) begins at byte \(place) of \(data.path); it must begin "
                            + "at \(end), where the one before ends"
                    )
                }
                guard length >= 0 else {
                    throw refusal(
                        "sequence \(sequence) has \(length) tokens; it must have 0 or more"
                    )
                }
                end += length * type.width
                guard end <= data.count else {
                    throw refusal(
                        "sequence \(sequence) ends at byte \(end) of \(data.path), which has "
                            + "\(data.count); copy or write both files again"
                    )
                }
            }
            return end
        }
        guard end == data.count else {
            throw refusal(
                "its sequences end at byte \(end) of \(data.path), which has \(data.count); copy or "
                    + "write both files again"
            )
        }
    }

    private func refusal(_ reason: String) -> OobleckError { Self.refusal(file, reason) }

    private static func refusal(_ file: MappedFile, _ reason: String) -> OobleckError {
        OobleckError(.inputData, "the Megatron index \(file.path) cannot be used: \(reason)")
    }

    private static func number<Number: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: UnsafeRawBufferPointer,
        _ offset: Int,
        _ type: Number.Type
    ) -> Number {
        Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
    }
}
