/// How a token stands in a file: a little-endian number of some width, or a byte of text.
enum TokenType: String, Sendable, CaseIterable {
    case text
    case uint8
    case int8
    case uint16
    case int16
    case uint32
    case int32
    case uint64
    case int64

    /// Bytes of a token.
    var width: Int {
        switch self {
        case .text, .uint8, .int8: 1
        case .uint16, .int16: 2
        case .uint32, .int32: 4
        case .uint64, .int64: 8
        }
    }

    /// Adds the numbers that `bytes` are.
    ///
    /// Of 64 bits without a sign, those above `Int64.max` come out negative.
    func append(_ bytes: UnsafeRawBufferPointer, to numbers: inout [Int64]) {
        switch self {
        case .text, .uint8: Self.append(bytes, of: UInt8.self, to: &numbers)
        case .int8: Self.append(bytes, of: Int8.self, to: &numbers)
        case .uint16: Self.append(bytes, of: UInt16.self, to: &numbers)
        case .int16: Self.append(bytes, of: Int16.self, to: &numbers)
        case .uint32: Self.append(bytes, of: UInt32.self, to: &numbers)
        case .int32: Self.append(bytes, of: Int32.self, to: &numbers)
        case .uint64: Self.append(bytes, of: UInt64.self, to: &numbers)
        case .int64: Self.append(bytes, of: Int64.self, to: &numbers)
        }
    }

    private static func append<Number: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: UnsafeRawBufferPointer,
        of type: Number.Type,
        to numbers: inout [Int64]
    ) {
        let width = MemoryLayout<Number>.size
        numbers += (0..<bytes.count / width).lazy.map { index in
            let number = bytes.loadUnaligned(fromByteOffset: index * width, as: Number.self)
            return Int64(truncatingIfNeeded: Number(littleEndian: number))
        }
    }
}
