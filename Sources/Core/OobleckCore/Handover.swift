/// What it takes to hand one microbatch's activations, or their gradient, to the neighbouring stage.
///
/// Sends run beside the computation; those to one neighbour follow one another on the link.
public struct Handover: Hashable, Sendable {
    /// How long the link is busy with one microbatch.
    public var busy: Seconds
    /// How long after that the neighbour has it.
    public var latency: Seconds

    /// Takes no time: stages on one node, or a link that was not measured.
    public static let free = Handover(busy: .zero, latency: .zero)

    /// A handover that takes `busy` and `latency`.
    public init(busy: Seconds, latency: Seconds) {
        self.busy = busy
        self.latency = latency
    }
}
