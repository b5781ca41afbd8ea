import OobleckCore

/// Newcomers that wait for work: all that come within a moment get it at one step boundary, so that
/// a storm of them costs one reconfiguration and not one each.
struct JoinStorm: Sendable {
    private var first: Seconds?
    private var last: Seconds?

    /// A node got ready.
    mutating func note(_ now: Seconds) {
        first = first ?? now
        last = now
    }

    /// Whether the newcomers are to get work now: nobody followed for a moment, or the first of
    /// them has waited long enough.
    ///
    /// At once when it `isHasty`: for tests only.
    func isDue(now: Seconds, _ deadlines: Deadlines, isHasty: Bool = false) -> Bool {
        guard let first, let last else { return false }
        if isHasty { return true }
        return now - last >= deadlines.joinPause || now - first >= deadlines.joinStorm
    }
}
