import OobleckCore
import OobleckData
import OobleckTensor

/// The state of one layer on one worker: its parameters and the optimizer's moments.
///
/// A parameter that several layers use (``TiedParameter``) is a segment of its own in each of them;
/// where one worker trains several of these layers, they share one segment.
package final class LayerState {
    package let layer: Int
    /// The layer's parameters that are trained, but the tied ones.
    package let own: ParameterSegment
    /// Those that training leaves as they are, but the tied ones; `nil` is none.
    package let frozen: ParameterSegment?
    /// Running statistics, those of one momentum together.
    package let statistics: [ParameterSegment]
    /// The tied parameters that the layer uses, by their position in
    /// ``ParameterLayout/tiedParameters(of:)``.
    package private(set) var tied: [Int: ParameterSegment] = [:]

    private let names: [TensorShape]
    /// Which of the tied parameters each of ``names`` is; `nil` is none.
    private let tiedSets: [Int?]
    /// Positions of the running statistics.
    package let statisticIndices: [Int]

    /// Zeros for a layer.
    package init(
        layer: Int,
        model: ModelSpecification,
        trained: TrainedParameters = .all
    ) throws {
        self.layer = layer
        let names = ParameterLayout.parameters(ofLayer: layer, model: model)
        let tied = ParameterLayout.tiedParameters(of: model)
        let shared = tied.map { $0.name(in: layer) }
        let sets = names.map { shape in shared.firstIndex { $0 == shape.name } }
        let momenta = ParameterLayout.momenta(ofLayer: layer, model: model)
        statistics = try Set(momenta.compactMap { $0 }).sorted().map { momentum in
            try ParameterSegment(
                zip(names, momenta).filter { $0.1 == momentum }.map(\.0),
                momentum: momentum
            )
        }
        statisticIndices = momenta.indices.filter { momenta[$0] != nil }
        let single = names.indices.filter { sets[$0] == nil && momenta[$0] == nil }
            .map { names[$0] }
        own = try ParameterSegment(single.filter { trained.contains($0.name) })
        let others = single.filter { !trained.contains($0.name) }
        frozen = others.isEmpty ? nil : try ParameterSegment(others, isFrozen: true)
        for (shape, set) in zip(names, sets) {
            guard let set else { continue }
            // One name that is trained makes all uses trained: they are one parameter.
            let isTrained = tied[set].uses.contains { trained.contains($0.name) }
            self.tied[set] = try ParameterSegment([shape], isFrozen: !isTrained)
        }
        tiedSets = sets
        self.names = names
    }

    /// Uses the other layer's copies of the parameters that both use, which hold the same values,
    /// from now on.
    package func shareTied(with other: LayerState) {
        for set in tied.keys { tied[set] = other.tied[set] ?? tied[set] }
    }

    /// The segments that have parameters, the layer's own first.
    package var segments: [ParameterSegment] {
        (own.count > 0 ? [own] : []) + (frozen.map { [$0] } ?? []) + statistics
            + tied.sorted { $0.key < $1.key }.map(\.value)
    }

    /// The segments that training changes.
    package var trainedSegments: [ParameterSegment] { segments.filter { !$0.isFrozen } }

    /// The segments that each microbatch adds to: by gradients, or by what it has of statistics.
    package var summedSegments: [ParameterSegment] { trainedSegments + statistics }

    /// Positions of the parameters that training changes.
    package private(set) lazy var trainedIndices: [Int] = names.indices.filter {
        !location($0).segment.isFrozen
    }

    /// Bytes of parameters and moments.
    package var byteCount: ByteCount { ByteCount(segments.reduce(0) { $0 + $1.byteCount }) }

    /// All buffers, in the order in which a layer transfer sends them.
    package var buffers: [Tensor] { segments.flatMap(\.buffers) }

    /// The leaf of a parameter, by its position in ``ParameterLayout``.
    package func leaf(_ index: Int) -> Tensor { location(index).entry.leaf }

    /// Where the parameter at `index` of ``ParameterLayout`` lies.
    package func location(
        _ index: Int
    ) -> (segment: ParameterSegment, entry: ParameterSegment.Entry) {
        if let set = tiedSets[index], let segment = tied[set] {
            return (segment, segment.entries[0])
        }
        let name = names[index].name
        for segment in [own] + (frozen.map { [$0] } ?? []) + statistics {
            if let entry = segment.entries.first(where: { $0.parameter.name == name }) {
                return (segment, entry)
            }
        }
        preconditionFailure("layer \(layer) lacks \(name)")
    }

    /// Whether other layers use the parameter at `index`, too.
    func isTied(_ index: Int) -> Bool { tiedSets[index] != nil }

    /// Number of parameters of the layer.
    package var parameterCount: Int { names.count }

    /// Calls `body` with each piece of the layer's state file, in order: for each parameter the
    /// parameter, then both moments (``StateDigest``), those of a frozen one in pieces of zeros.
    package func forEachStateTensor(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        for index in names.indices {
            let (segment, entry) = location(index)
            for buffer in segment.buffers {
                let piece = try buffer.view(
                    from: entry.offset,
                    shape: [entry.parameter.elementCount]
                )
                try piece.withBytes { try unsafe body($0) }
            }
            guard segment.isStill else { continue }
            try Self.forEachZero(2 * entry.parameter.byteCount, body)
        }
    }

    /// Calls `body` with zeros, piece by piece, as many bytes as asked for.
    private static func forEachZero(
        _ count: Int,
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let zeros = [UInt8](repeating: 0, count: min(count, zeroSize))
        try zeros.withUnsafeBytes { zeros in
            for start in stride(from: 0, to: count, by: zeroSize) {
                // Valid: the piece lies within the array, which lives until the closure returns.
                try unsafe body(
                    UnsafeRawBufferPointer(rebasing: zeros[..<min(zeroSize, count - start)])
                )
            }
        }
    }

    private static let zeroSize = 1 << 16

    /// A fast digest of parameters and moments, to compare copies with in every step.
    package func fastDigest() throws -> UInt64 { try fastDigest { try $0.state.digest() } }

    /// ``fastDigest()`` from the digests of its segments' states.
    package func fastDigest(
        _ digest: (ParameterSegment) throws -> UInt64
    ) rethrows -> UInt64 {
        try segments.reduce(UInt64(layer)) { mixedSeed($0, try digest($1)) }
    }

    /// Changes one bit of the first parameter, as a fault of the memory might.
    ///
    /// For tests.
    package func flipBit() throws {
        try segments.first?.parameters.withMutableBytes { unsafe $0[2] ^= 0x10 }
    }

    /// The layer's digest as ``StateDigest`` defines it.
    package func digest() throws -> String {
        var hasher = SHA256Hasher()
        try forEachStateTensor { unsafe hasher.update($0) }
        return hasher.hexadecimal
    }
}
