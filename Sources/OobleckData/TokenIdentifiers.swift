import OobleckCore

/// Token ids as they stand in a `.bin` file: little-endian numbers of one width, nothing else.
///
/// 16 bits are assumed unless the job says otherwise (`data.token_bytes`). A file that is not made of
/// 16-bit ids by all appearance is refused, with what it seems to be; a stated width is believed.
struct TokenIdentifiers {
    /// Widths that a job may state, in bytes.
    static let widths = [1, 2, 4, 8]
    /// What a file must have at least to be suspected of another width or of being text.
    private static let leastBytes = 16
    private static let leastTextBytes = 64

    let values: [UInt16]

    /// Throws `.inputData` with one line that names the file, and the place of an id outside the
    /// vocabulary.
    init(_ bytes: [UInt8], path: String, tokenBytes: Int?, vocabulary: Int) throws {
        let width = tokenBytes ?? 2
        guard Self.widths.contains(width) else {
            throw OobleckError(
                .inputData,
                "data.token_bytes is \(width); a token id has 1, 2, 4 or 8 bytes"
            )
        }
        if let format = FileFormat(of: bytes) {
            throw OobleckError(
                .inputData,
                "\(path) is not a file of token ids: it is \(format.name); \(format.remedy)"
            )
        }
        guard bytes.count.isMultiple(of: width) else {
            throw OobleckError(
                .inputData,
                "\(path) has \(counted(bytes.count, "byte")), which is not a multiple of \(width); its token "
                    + "ids take \(counted(width, "byte")) each (data.token_bytes)"
            )
        }
        if tokenBytes == nil, let appearance = Self.appearance(bytes) {
            throw OobleckError(.inputData, "\(path) \(appearance)")
        }
        values = try Self.values(
            bytes,
            width: width,
            isSigned: width > 2,
            vocabulary: vocabulary,
            path: path
        )
    }

    /// The ids among little-endian numbers that begin at `start`.
    ///
    /// Throws `.inputData` for the first that is outside the vocabulary.
    static func values(
        _ bytes: [UInt8],
        width: Int,
        isSigned: Bool,
        from start: Int = 0,
        vocabulary: Int,
        path: String
    ) throws -> [UInt16] {
        precondition(vocabulary <= 1 << 16, "a vocabulary of \(vocabulary) takes more than 16 bits")
        let count = (bytes.count - start) / width
        var outside: Int?
        let values = bytes.withUnsafeBytes { raw in
            [UInt16](unsafeUninitializedCapacity: count) { buffer, filled in
                for index in 0..<count {
                    let number = number(raw, start + index * width, width, isSigned)
                    if !(0..<vocabulary ~= number), outside == nil { outside = index }
                    buffer[index] = UInt16(truncatingIfNeeded: number)
                }
                filled = count
            }
        }
        guard let outside else { return values }
        let found = bytes.withUnsafeBytes {
            number($0, start + outside * width, width, isSigned)
        }
        throw OobleckError(
            .inputData,
            "\(path): token \(found) at offset \(outside) is outside the vocabulary of "
                + "\(vocabulary); the model needs a vocabulary above it"
        )
    }

    private static func number(
        _ raw: UnsafeRawBufferPointer,
        _ offset: Int,
        _ width: Int,
        _ isSigned: Bool
    ) -> Int {
        switch (width, isSigned) {
        case (1, false): Int(raw[offset])
        case (1, true): Int(Int8(bitPattern: raw[offset]))
        case (2, false): Int(UInt16(littleEndian: load(raw, offset)))
        case (2, true): Int(Int16(littleEndian: load(raw, offset)))
        case (4, false): Int(UInt32(littleEndian: load(raw, offset)))
        case (4, true): Int(Int32(littleEndian: load(raw, offset)))
        default: Int(Int64(littleEndian: load(raw, offset)))
        }
    }

    private static func load<Number: BitwiseCopyable>(
        _ raw: UnsafeRawBufferPointer,
        _ offset: Int
    ) -> Number {
        raw.loadUnaligned(fromByteOffset: offset, as: Number.self)
    }

    /// What to say of a file that does not look like one of 16-bit ids; `nil` if it does.
    private static func appearance(_ bytes: [UInt8]) -> String? {
        if bytes.count >= leastTextBytes, isText(bytes) {
            return "looks like text, not like token ids: all of it is printable UTF-8; give it a "
                + "name that does not end in .bin, or say data.token_bytes: 2"
        }
        guard let width = widerUnit(bytes) else { return nil }
        return "looks like \(8 * width)-bit token ids, not 16-bit ones: of every "
            + "\(width / 2) 16-bit numbers only the first is ever large (uint32 and int64 files of "
            + "nanoGPT's kind, Megatron's int32 files); say data.token_bytes: \(width), or 2 if the "
            + "ids have 16 bits after all"
    }

    /// The width in bytes of the numbers that these really are, by the places that hold zeros or next
    /// to nothing in the whole file.
    ///
    /// Ids of 16 bits have that only by design. Where all numbers are small, as of a vocabulary of 4,
    /// nothing can be said.
    private static func widerUnit(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= leastBytes, bytes.count.isMultiple(of: 4) else { return nil }
        // The greatest of the 16-bit numbers at each of the four places of a 64-bit number.
        var greatest: [UInt16] = [0, 0, 0, 0]
        bytes.withUnsafeBytes { raw in
            for place in 0..<raw.count / 2 {
                let number = UInt16(littleEndian: load(raw, 2 * place))
                greatest[place % 4] = max(greatest[place % 4], number)
            }
        }
        let low = max(greatest[0], greatest[2])
        let high = max(greatest[1], greatest[3])
        // Ids above 65,535 leave something in the upper half: of a million tokens, less than 16.
        guard high == 0 && low > 0 || high < 16 && low >= 256 && bytes.count >= leastTextBytes
        else {
            return nil
        }
        let isLong = bytes.count.isMultiple(of: 8) && greatest[2] == 0 && greatest[3] == 0
        return isLong && bytes.count >= 2 * leastBytes ? 8 : 4
    }

    private static func isText(_ bytes: [UInt8]) -> Bool {
        let breaks: Set<UInt8> = [0x09, 0x0A, 0x0C, 0x0D]
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || breaks.contains($0) }) else {
            return false
        }
        return String(validating: bytes, as: UTF8.self) != nil
    }
}
