extension Safetensors {
    /// Little-endian numbers of one of the ``ElementType/readable`` types as float32.
    static func floats(_ bytes: [UInt8], _ type: ElementType) -> [Float] {
        switch type {
        case .float32: numbers(bytes) { Float(bitPattern: UInt32(littleEndian: $0)) }
        case .float16: numbers(bytes) { Float(Float16(bitPattern: UInt16(littleEndian: $0))) }
        case .bfloat16:
            numbers(bytes) { Float(bitPattern: UInt32(UInt16(littleEndian: $0)) << 16) }
        case .float64:
            numbers(bytes) { Float(Double(bitPattern: UInt64(littleEndian: $0))) }
        default: preconditionFailure("\(type.rawValue) has no conversion to float32")
        }
    }

    private static func numbers<Word: FixedWidthInteger>(
        _ bytes: [UInt8],
        _ convert: (Word) -> Float
    ) -> [Float] {
        let width = MemoryLayout<Word>.size
        return bytes.withUnsafeBytes { raw in
            (0..<raw.count / width).map {
                convert(raw.loadUnaligned(fromByteOffset: width * $0, as: Word.self))
            }
        }
    }
}
