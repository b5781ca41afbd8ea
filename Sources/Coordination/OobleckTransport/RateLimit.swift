import OobleckCore

/// How much of something one peer may have over time: a bucket that fills at a steady rate.
package struct RateLimit: Hashable, Sendable {
    /// What is allowed.
    package struct Allowance: Hashable, Sendable {
        /// How many at once after a pause.
        package var burst: Int
        /// How many a second on end.
        package var perSecond: Double

        package init(burst: Int, perSecond: Double) {
            precondition(burst > 0 && perSecond > 0, "an allowance of \(burst), \(perSecond)/s")
            self.burst = burst
            self.perSecond = perSecond
        }
    }

    private let allowance: Allowance
    private var left: Double
    private var last: Seconds

    /// A full bucket.
    package init(_ allowance: Allowance, now: Seconds) {
        self.allowance = allowance
        left = Double(allowance.burst)
        last = now
    }

    /// Takes one; false when none is left at this time.
    ///
    /// Time that goes backward fills nothing.
    package mutating func take(now: Seconds) -> Bool {
        let gained = max(0, (now - last).value) * allowance.perSecond
        left = min(Double(allowance.burst), left + gained)
        last = max(last, now)
        guard left >= 1 else { return false }
        left -= 1
        return true
    }
}
