import OobleckCore

/// Writes a safetensors file piece by piece, so that no model has to fit into memory twice.
package final class SafetensorsWriter {
    private let file: AtomicFile
    private let dataSize: Int
    private var written = 0

    /// Starts a file; nothing stands under its name until ``publish()``.
    package init(_ path: String, header: Safetensors.Header) throws {
        file = try AtomicFile(path)
        dataSize = header.dataSize
        try file.write(header.bytes)
    }

    /// Adds bytes of the data section, in the order of the header's tensors.
    package func append(_ bytes: UnsafeRawBufferPointer) throws {
        precondition(
            written + bytes.count <= dataSize,
            "\(file.path): \(written + bytes.count) bytes for a data section of \(dataSize)"
        )
        try file.write(bytes)
        written += bytes.count
    }

    package func append(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try append($0) }
    }

    package func append(_ floats: [Float]) throws {
        let bits = floats.map(\.bitPattern.littleEndian)
        try bits.withUnsafeBytes { try append($0) }
    }

    /// Gives the complete file its name, durably.
    package func publish() throws {
        precondition(
            written == dataSize,
            "\(file.path): \(written) bytes of a data section of \(dataSize)"
        )
        try file.publish()
    }
}
