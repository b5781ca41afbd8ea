import Foundation
import OobleckCore

/// A tensor in a file whose first dimension counts samples; rows are read when they are asked for.
struct DataColumn {
    let name: String
    let path: String
    let type: Safetensors.ElementType
    /// With the number of samples first.
    let shape: [Int]
    private let file: OpenFile
    private let start: Int

    init(
        name: String,
        path: String,
        type: Safetensors.ElementType,
        shape: [Int],
        file: OpenFile,
        start: Int
    ) {
        self.name = name
        self.path = path
        self.type = type
        self.shape = shape
        self.file = file
        self.start = start
    }

    var sampleCount: Int { shape.first ?? 0 }
    /// Bytes of one sample.
    var rowBytes: Int { type.bits / 8 * shape.dropFirst().reduce(1, *) }

    /// The identity of its file's present state.
    func identity() throws -> FileIdentity { try file.identity() }

    /// Ranges of samples that are read at once when all are.
    var pieces: [Range<Int>] {
        let rows = max(1, (4 << 20) / max(rowBytes, 1))
        return stride(from: 0, to: sampleCount, by: rows).map { $0..<min($0 + rows, sampleCount) }
    }

    /// The bytes of some samples that follow each other.
    func bytes(ofRows rows: Range<Int>) throws -> [UInt8] {
        try file.read(at: start + rows.lowerBound * rowBytes, count: rows.count * rowBytes)
    }

    /// Whether its numbers can be those of a tensor of another kind.
    func fits(_ kind: ElementKind) -> Bool {
        switch kind {
        case .float32: Safetensors.ElementType.readable.contains(type) || isWhole
        case .int64, .int32: isWhole
        case .uint8: type == .uint8
        case .boolean: type == .boolean
        }
    }

    private var isWhole: Bool {
        [.int64, .int32, .int16, .int8, .uint32, .uint16, .uint8, .boolean].contains(type)
    }

    /// Some samples as the elements of a tensor.
    func values(ofRows rows: [Int], as kind: ElementKind) throws -> BatchValues {
        let bytes = try rows.flatMap { try self.bytes(ofRows: $0..<$0 + 1) }
        switch kind {
        case .int64: return .int64(integers(bytes))
        case .int32: return .int32(try integers(bytes).map(word))
        case .uint8: return .bytes(bytes)
        // A truth value of any other byte is undefined.
        case .boolean: return .bytes(bytes.map { $0 == 0 ? 0 : 1 })
        case .float32:
            return .float32(
                isWhole ? integers(bytes).map { Float($0) } : Safetensors.floats(bytes, type)
            )
        }
    }

    private func word(_ number: Int64) throws -> Int32 {
        guard let word = Int32(exactly: number) else {
            throw OobleckError(
                .inputData,
                "\(path): column \(name) has \(number); the model takes int32"
            )
        }
        return word
    }

    func integers(_ bytes: [UInt8]) -> [Int64] {
        switch type {
        case .int64: numbers(bytes, Int64.self)
        case .int32: numbers(bytes, Int32.self)
        case .int16: numbers(bytes, Int16.self)
        case .int8: numbers(bytes, Int8.self)
        case .uint32: numbers(bytes, UInt32.self)
        case .uint16: numbers(bytes, UInt16.self)
        default: numbers(bytes, UInt8.self)
        }
    }

    private func numbers<Number: FixedWidthInteger>(_ bytes: [UInt8], _: Number.Type) -> [Int64] {
        let width = MemoryLayout<Number>.size
        return bytes.withUnsafeBytes { raw in
            (0..<raw.count / width).map {
                let word = raw.loadUnaligned(fromByteOffset: width * $0, as: Number.self)
                return Int64(Number(littleEndian: word))
            }
        }
    }
}
