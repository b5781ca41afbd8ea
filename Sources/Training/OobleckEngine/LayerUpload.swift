import OobleckCore
import OobleckData
import OobleckModels

/// Sends a layer's state file to the coordinator in pieces.
struct LayerUpload {
    /// Size of a piece; well below what a control message may have.
    private static let chunkSize = 1 << 20

    let layer: Int
    let generation: Generation
    let link: any ControlLink
    private var buffer: [UInt8] = []

    init(layer: Int, generation: Generation, link: any ControlLink) {
        self.layer = layer
        self.generation = generation
        self.link = link
    }

    mutating func run(_ state: LayerState, model: ModelSpecification) throws {
        append(StateDigest.header(ofLayer: layer, model: model).bytes[...])
        try state.forEachStateTensor { bytes in
            var rest = unsafe bytes[...]
            while !rest.isEmpty {
                let piece = unsafe rest.prefix(Self.chunkSize)
                append(ArraySlice(unsafe Array(piece)))
                rest = unsafe rest.dropFirst(piece.count)
            }
        }
        flush(isLast: true)
    }

    private mutating func append(_ bytes: ArraySlice<UInt8>) {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.chunkSize { flush(isLast: false) }
    }

    private mutating func flush(isLast: Bool) {
        link.send(
            .layerChunk(
                LayerChunk(generation: generation, layer: layer, bytes: buffer, isLast: isLast)
            )
        )
        buffer = []
    }
}
