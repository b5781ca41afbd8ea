/// What a made-up microbatch of one layer came to on a worker, in a step in which all holders of the layer
/// compute it.
///
/// Holders have the same parameters and are given the same numbers, so that all come to the same bits;
/// one that does not has hardware that computes wrong.
package struct SpotCheck: Hashable, Sendable {
    package var layer: Int
    /// Of output and gradients.
    package var digest: UInt64

    package init(layer: Int, digest: UInt64) {
        self.layer = layer
        self.digest = digest
    }
}

/// When which layer is checked: the same for every plan of a job, so that a step that is tried again is
/// checked again.
package struct SpotCheckSchedule: Hashable, Sendable {
    /// Microbatches of a layer that a node computes for each that it computes for a check, at least: what
    /// checks cost is one over this, where a node has a single layer, and less where it has more.
    private static let leastMicrobatches = 200

    private let layerCount: Int
    /// Steps from one check to the next.
    package let period: Int

    package init(_ job: JobSpecification) {
        layerCount = job.model.layerCount
        // Pipelines may be unequal: none is planned for with less than half of an equal share.
        let share = max(1, job.training.microbatchCount / max(1, 2 * job.cluster.nodes))
        period = max(1, (Self.leastMicrobatches + share - 1) / share)
    }

    /// The layer that is checked in a step; `nil` in most.
    package func layer(step: Int) -> Int? {
        step % period == 0 ? step / period % layerCount : nil
    }
}
