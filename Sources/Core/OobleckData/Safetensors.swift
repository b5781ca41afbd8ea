import OobleckCore

/// The safetensors file format: eight bytes of header length, the header, then the data section.
///
/// <https://github.com/huggingface/safetensors>, "Format".
package enum Safetensors {
    /// Longest header accepted; the reference implementation's bound.
    static let longestHeader = 100_000_000

    /// The element types that a file may name: those of version 0.8 of the format.
    ///
    /// Tensors that are read must be of one that can be converted to float32.
    package enum ElementType: String, Sendable, CaseIterable {
        case float64 = "F64"
        case float32 = "F32"
        case float16 = "F16"
        case bfloat16 = "BF16"
        case complex64 = "C64"
        case float8e4m3 = "F8_E4M3"
        case float8e5m2 = "F8_E5M2"
        case float8e4m3fnuz = "F8_E4M3FNUZ"
        case float8e5m2fnuz = "F8_E5M2FNUZ"
        case float8e8m0 = "F8_E8M0"
        case float6e2m3 = "F6_E2M3"
        case float6e3m2 = "F6_E3M2"
        case float4 = "F4"
        case int64 = "I64"
        case int32 = "I32"
        case int16 = "I16"
        case int8 = "I8"
        case uint64 = "U64"
        case uint32 = "U32"
        case uint16 = "U16"
        case uint8 = "U8"
        case boolean = "BOOL"

        /// Bits of one element.
        package var bits: Int {
            switch self {
            case .float64, .complex64, .int64, .uint64: 64
            case .float32, .int32, .uint32: 32
            case .float16, .bfloat16, .int16, .uint16: 16
            case .float8e4m3, .float8e5m2, .float8e4m3fnuz, .float8e5m2fnuz, .float8e8m0: 8
            case .int8, .uint8, .boolean: 8
            case .float6e2m3, .float6e3m2: 6
            case .float4: 4
            }
        }

        /// The types whose numbers ``SafetensorsReader/floats(of:)`` gives.
        package static let readable: [ElementType] = [.float32, .float16, .bfloat16, .float64]
    }

    /// One tensor of a file.
    package struct Tensor: Hashable, Sendable {
        package var name: String
        package var elementType: ElementType
        package var shape: [Int]
        /// Where its bytes lie in the data section.
        package var dataRange: Range<Int>
    }

    /// What a file says before its data section.
    ///
    /// Tensors are in the order of their data.
    package struct Header: Hashable, Sendable {
        package let tensors: [Tensor]
        package let metadata: [String: String]

        /// A header for float32 tensors whose data follow each other in the order given, behind those of
        /// int64 numbers of the names in `counters`.
        package init(
            counters: [String] = [],
            tensors shapes: [TensorShape],
            metadata: [String: String] = [:]
        ) {
            var offset = 0
            let numbers = counters.map { name in
                defer { offset += 8 }
                return Tensor(
                    name: name,
                    elementType: .int64,
                    shape: [],
                    dataRange: offset..<offset + 8
                )
            }
            tensors =
                numbers
                + shapes.map { shape in
                    defer { offset += shape.byteCount }
                    return Tensor(
                        name: shape.name,
                        elementType: .float32,
                        shape: shape.dimensions,
                        dataRange: offset..<offset + shape.byteCount
                    )
                }
            precondition(Set(tensors.map(\.name)).count == tensors.count, "a name is used twice")
            self.metadata = metadata
        }

        /// A header already known to be valid.
        init(validTensors: [Tensor], metadata: [String: String]) {
            tensors = validTensors
            self.metadata = metadata
        }

        /// Bytes of the data section.
        package var dataSize: Int { tensors.last?.dataRange.upperBound ?? 0 }

        package func tensor(named name: String) -> Tensor? { tensors.first { $0.name == name } }

        /// All that stands before the data section: length, then JSON padded with spaces to a
        /// multiple of eight bytes.
        ///
        /// The same header always gives the same bytes.
        package var bytes: [UInt8] {
            var fields: [String] = []
            if !metadata.isEmpty {
                let pairs = metadata.sorted { $0.key < $1.key }
                    .map { "\(JSONText.string($0.key)):\(JSONText.string($0.value))" }
                fields.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
            }
            for tensor in tensors {
                let shape = tensor.shape.map(String.init).joined(separator: ",")
                fields.append(
                    "\(JSONText.string(tensor.name)):{\"dtype\":\"\(tensor.elementType.rawValue)\","
                        + "\"shape\":[\(shape)],\"data_offsets\":"
                        + "[\(tensor.dataRange.lowerBound),\(tensor.dataRange.upperBound)]}"
                )
            }
            var json = Array("{\(fields.joined(separator: ","))}".utf8)
            while !json.count.isMultiple(of: 8) { json.append(0x20) }
            return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
        }
    }
}

/// The name and the dimensions of a float32 tensor, row-major.
package struct TensorShape: Hashable, Sendable {
    package var name: String
    package var dimensions: [Int]

    package init(_ name: String, _ dimensions: [Int]) {
        self.name = name
        self.dimensions = dimensions
    }

    package var elementCount: Int { dimensions.reduce(1, *) }

    package var byteCount: Int { 4 * elementCount }
}
