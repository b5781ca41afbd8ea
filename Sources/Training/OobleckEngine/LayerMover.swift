import OobleckCore
import OobleckData
import OobleckModels
import OobleckTensor

/// Copies layers between workers, both sides at once, and checks every copy by its digest.
struct LayerMover {
    private static let digestBytes = 64
    /// Tags of one layer's copy: its buffers, three of each segment, and its digest.
    private static let tagsPerLayer = 256

    let worker: WorkerID
    let model: ModelSpecification
    let trained: TrainedParameters
    let members: [WorkerID]
    let group: CommunicationGroup
    let afterFirst: () -> Void

    private func rank(_ worker: WorkerID) -> Int {
        guard let rank = members.firstIndex(of: worker) else {
            preconditionFailure("node \(worker) takes no part in the transfer")
        }
        return rank
    }

    /// Sends the layers that others need from `held`, and returns those that this worker needs.
    func run(_ transfers: [LayerTransfer], held: [Int: LayerState]) throws -> [Int: LayerState] {
        var arriving: [Int: (state: LayerState, digest: Tensor, from: WorkerID)] = [:]
        var pending: [PendingTransfer] = []
        for (index, transfer) in transfers.enumerated() {
            let tag = index * Self.tagsPerLayer
            if transfer.receiver == worker {
                let state = try LayerState(
                    layer: transfer.layer,
                    model: model,
                    trained: trained
                )
                let digest = try Tensor.zeros([Self.digestBytes], .uint8, at: .host)
                for (offset, buffer) in (state.buffers + [digest]).enumerated() {
                    pending.append(
                        try group.startReceive(
                            buffer,
                            from: rank(transfer.sender),
                            tag: tag + offset
                        )
                    )
                }
                arriving[transfer.layer] = (state, digest, transfer.sender)
            } else if transfer.sender == worker {
                guard let state = held[transfer.layer] else {
                    throw OobleckError(
                        .internalFault,
                        "asked to send layer \(transfer.layer), which node \(worker) does not hold"
                    )
                }
                let digest = try Self.tensor(ofDigest: state.digest())
                for (offset, buffer) in (state.buffers + [digest]).enumerated() {
                    pending.append(
                        try group.startSend(buffer, to: rank(transfer.receiver), tag: tag + offset)
                    )
                }
            }
        }
        for (index, transfer) in pending.enumerated() {
            try transfer.wait()
            if index == 0 { afterFirst() }
        }
        for layer in arriving.keys.sorted() {
            guard let (state, digest, sender) = arriving[layer] else { continue }
            guard try state.digest() == Self.text(ofDigest: digest) else {
                throw TensorError(
                    code: .failed,
                    message: "layer \(layer) from node \(sender) does not match its digest"
                )
            }
        }
        return arriving.mapValues(\.state)
    }

    private static func tensor(ofDigest digest: String) throws -> Tensor {
        let tensor = try Tensor.zeros([digestBytes], .uint8, at: .host)
        precondition(digest.utf8.count == digestBytes, "a digest of \(digest.utf8.count) digits")
        try tensor.withMutableBytes { bytes in unsafe bytes.copyBytes(from: digest.utf8) }
        return tensor
    }

    private static func text(ofDigest tensor: Tensor) throws -> String {
        try tensor.withBytes { bytes in
            unsafe String(decoding: bytes, as: UTF8.self)
        }
    }
}
