import OobleckModels

/// The digests of states right before and right after an update, by segment.
struct UpdateDigests {
    private var segments: [ObjectIdentifier: (before: UInt64, after: UInt64)] = [:]

    /// Whether a segment was updated: one that two layers share is updated once.
    func contains(_ segment: ParameterSegment) -> Bool {
        segments[ObjectIdentifier(segment)] != nil
    }

    /// Notes what the update of a segment gave.
    mutating func note(_ segment: ParameterSegment, _ digests: (before: UInt64, after: UInt64)) {
        segments[ObjectIdentifier(segment)] = digests
    }

    /// ``LayerState/fastDigest()`` as of before the update.
    func before(_ layer: LayerState) -> UInt64 { layer.fastDigest { self[$0].before } }

    /// ``LayerState/fastDigest()`` as of after the update.
    func after(_ layer: LayerState) -> UInt64 { layer.fastDigest { self[$0].after } }

    private subscript(segment: ParameterSegment) -> (before: UInt64, after: UInt64) {
        guard let digests = segments[ObjectIdentifier(segment)] else {
            preconditionFailure("a segment that was not updated")
        }
        return digests
    }
}
