import OobleckCore
import OobleckData
import OobleckTensor

extension LayerState {
    /// A copy of the data section of the layer's state file.
    package func stateBytes(model: ModelSpecification) throws -> [UInt8] {
        let size = LayerFile.dataSize(ofLayer: layer, model: model)
        return try [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            try forEachStateTensor { piece in
                precondition(filled + piece.count <= size, "layer \(layer) is larger than its file")
                // Valid: `filled` and the piece fit into the buffer, and the two do not overlap.
                let rest = unsafe UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...]
                )
                unsafe rest.copyMemory(from: piece)
                filled += piece.count
            }
            precondition(filled == size, "layer \(layer) has \(filled) bytes of \(size)")
        }
    }

    /// Takes the state over from the data section of its state file.
    package func load(stateBytes bytes: [UInt8]) throws {
        var offset = 0
        try bytes.withUnsafeBytes { source in
            for index in 0..<parameterCount {
                let (segment, entry) = location(index)
                for buffer in segment.buffers {
                    let piece = try buffer.view(
                        from: entry.offset,
                        shape: [entry.parameter.elementCount]
                    )
                    let end = offset + entry.parameter.byteCount
                    precondition(end <= source.count, "layer \(layer): \(source.count) bytes")
                    // Valid: the range lies within the source, and the view is as long as it.
                    try piece.withMutableBytes { target in
                        unsafe target.copyMemory(
                            from: UnsafeRawBufferPointer(rebasing: source[offset..<end])
                        )
                    }
                    offset = end
                }
                // Moments of a frozen parameter are zero in the file, and nowhere else.
                if segment.isStill { offset += 2 * entry.parameter.byteCount }
            }
        }
        precondition(offset == bytes.count, "layer \(layer): \(bytes.count) bytes, not \(offset)")
    }
}
