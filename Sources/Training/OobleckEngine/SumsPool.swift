import OobleckModels
import OobleckTensor

/// The integer sums of the last step, reused in the next: memory that is freed and allocated again
/// costs a page fault for every few thousand bytes.
///
/// Only sums of a step that was applied come here. Those of a step that was given up may still be written
/// by a collective that was aborted.
final class SumsPool {
    private var spare: [ObjectIdentifier: FixedPointAccumulator] = [:]

    /// Zeros for a segment's sums over `addendCount` microbatches.
    func take(for segment: ParameterSegment, addendCount: Int) throws -> FixedPointAccumulator {
        let known = spare.removeValue(forKey: ObjectIdentifier(segment))
        // Another segment may use the address of a freed one.
        guard let known, known.fits(count: segment.count, addendCount: addendCount) else {
            return try FixedPointAccumulator(count: segment.count, addendCount: addendCount)
        }
        return known
    }

    /// Returns sums whose step was applied; the update set them to zero.
    func give(_ sums: [ObjectIdentifier: FixedPointAccumulator]) { spare = sums }

    /// Lets go of all: the layers change.
    func clear() { spare = [:] }
}
