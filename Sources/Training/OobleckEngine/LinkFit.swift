import OobleckCore

/// The rate and latency of a link, from two measured one-way times.
package struct LinkFit: Hashable {
    /// How many bytes it moves in a second.
    package let bytesPerSecond: Double
    /// The latency: the time of a message beyond the time of its bytes.
    package let latency: Seconds

    /// The line through the times of a minimal message and of one of `bytes`.
    ///
    /// On a fast link, noise must not make the rate negative: the bytes take at least a hundredth
    /// of their measured time, and at least a nanosecond. Noise must not make the latency exceed
    /// the smaller of the two times. A time that cannot have been measured counts as zero.
    package init(empty: Seconds, full: Seconds, bytes: Int) {
        let (empty, full) = (empty.measured ?? .zero, full.measured ?? .zero)
        let transfer = max(full.value - empty.value, full.value / 100, 1e-9)
        bytesPerSecond = max(1, Double(bytes)) / transfer
        latency = min(empty, full)
    }
}
