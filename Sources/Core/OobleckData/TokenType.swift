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

    /// The greatest of the numbers that `bytes` are, where a negative number counts as greater than
    /// all others; 0 of none.
    func greatest(_ bytes: UnsafeRawBufferPointer) -> Int64 {
        switch self {
        case .text, .uint8: Int64(Self.greatest(bytes, UInt8.self))
        case .int8: Int64(Int8(bitPattern: Self.greatest(bytes, UInt8.self)))
        case .uint16: Int64(Self.greatest(bytes, UInt16.self))
        case .int16: Int64(Int16(bitPattern: Self.greatest(bytes, UInt16.self)))
        case .uint32: Int64(Self.greatest(bytes, UInt32.self))
        case .int32: Int64(Int32(bitPattern: Self.greatest(bytes, UInt32.self)))
        case .uint64, .int64: Int64(bitPattern: Self.greatest(bytes, UInt64.self))
        }
    }

    // Both loops are written so that the compiler turns them into ones over vectors: by index,
    // without a check for overflow, which the size of the buffer rules out.

    private static func append<Number: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: UnsafeRawBufferPointer,
        of type: Number.Type,
        to numbers: inout [Int64]
    ) {
        let width = MemoryLayout<Number>.size
        let (first, count) = (numbers.count, bytes.count / width)
        numbers += repeatElement(0, count: count)
        numbers.withUnsafeMutableBufferPointer { buffer in
            for index in 0..<count {
                let number = bytes.loadUnaligned(fromByteOffset: index &* width, as: type)
                buffer[first &+ index] = Int64(truncatingIfNeeded: Number(littleEndian: number))
            }
        }
    }

    private static func greatest<Number: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
        _ bytes: UnsafeRawBufferPointer,
        _ type: Number.Type
    ) -> Number {
        let width = MemoryLayout<Number>.size
        var most: Number = 0
        for index in 0..<bytes.count / width {
            let number = bytes.loadUnaligned(fromByteOffset: index &* width, as: type)
            most = max(most, Number(littleEndian: number))
        }
        return most
    }
}
