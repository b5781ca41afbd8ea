import OobleckCore

/// What a link does, from two measured times of one way.
package struct LinkFit: Hashable {
    /// How many bytes it moves in a second.
    package let bytesPerSecond: Double
    /// How long a message is under way beyond what its bytes take.
    package let latency: Seconds

    /// The line through the times of a minimal message and of one of `bytes`.
    ///
    /// On a link so fast that both take the same, noise must not make the rate negative: the bytes
    /// take a hundredth of their time, and a nanosecond, at least. Nor must it make the latency
    /// longer than the whole way: it is the lesser of both times. A time that cannot have been
    /// measured is taken for none.
    package init(empty: Seconds, full: Seconds, bytes: Int) {
        let (empty, full) = (empty.measured ?? .zero, full.measured ?? .zero)
        let transfer = max(full.value - empty.value, full.value / 100, 1e-9)
        bytesPerSecond = max(1, Double(bytes)) / transfer
        latency = min(empty, full)
    }
}
