/// How long to train from one checkpoint to the next so that the least time is lost.
///
/// Young (CACM 1974) and Daly (FGCS 2006), to first order: the square root of twice the time that a
/// save holds training up times the mean time between failures.
package enum YoungDaly {
    /// The interval, from what a run has seen so far.
    ///
    /// The mean time between failures is computed as if a failure happened now. Without failures so
    /// far, the interval grows with the length of the run.
    ///
    /// A time that cannot have been measured is ignored.
    ///
    /// - Parameters:
    ///   - heldUp: How long the last save held training up.
    ///   - written: How long it took to write; saves are no closer than that.
    ///   - elapsed: How long the run has been going.
    ///   - failures: Nodes lost in that time.
    /// - Returns: The time from the start of one save to that of the next.
    package static func interval(
        heldUp: Seconds,
        written: Seconds,
        elapsed: Seconds,
        failures: Int
    ) -> Seconds {
        func believed(_ time: Seconds) -> Double { time.measured?.value ?? 0 }
        let elapsed = elapsed.value.isFinite ? max(0, elapsed.value) : 0
        let meanTimeToFailure = elapsed / Double(max(0, failures) + 1)
        let wanted = (2 * believed(heldUp) * meanTimeToFailure).squareRoot()
        return Seconds(max(wanted, believed(written)))
    }

    /// The least interval between saves.
    ///
    /// More frequent saves have no benefit, even where a save delays nothing.
    package static let leastSpacing: Seconds = 10
    /// The largest share of time in which saves are being written.
    ///
    /// Writing also takes processor and disk, which the formula ignores.
    package static let mostWriting = 0.05

    /// The time between the starts of two saves of a run: ``interval(heldUp:written:elapsed:failures:)``
    /// within our bounds.
    package static func spacing(
        heldUp: Seconds,
        written: Seconds,
        elapsed: Seconds,
        failures: Int
    ) -> Seconds {
        let best = interval(heldUp: heldUp, written: written, elapsed: elapsed, failures: failures)
        return max(best, leastSpacing, Seconds(max(0, written.value) / mostWriting))
    }
}
