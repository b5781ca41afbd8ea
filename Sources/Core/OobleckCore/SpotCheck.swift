/// A worker's results of a generated microbatch of one layer, in a step in which all holders of the
/// layer compute it.
///
/// Holders have the same parameters and the same numbers, so all get the same bits. A holder with
/// other bits has hardware that computes wrong results.
package struct SpotCheck: Hashable, Sendable {
    package var layer: Int
    /// Of output and gradients.
    package var digest: UInt64

    package init(layer: Int, digest: UInt64) {
        self.layer = layer
        self.digest = digest
    }
}

/// Which layer is checked in which step.
///
/// The schedule is the same for every plan of a job, so a step that is tried again is checked
/// again.
package struct SpotCheckSchedule: Hashable, Sendable {
    /// The least number of training microbatches of a layer per microbatch of a check.
    ///
    /// The relative cost of checks is one over this for a node with a single layer, and less for
    /// others.
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
