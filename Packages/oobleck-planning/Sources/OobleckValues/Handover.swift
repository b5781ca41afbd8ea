/// The time to send one microbatch's activations, or their gradient, to the neighbouring stage.
///
/// Sends run in parallel with the computation; those to one neighbour use the link one after
/// another.
public struct Handover: Hashable, Sendable {
    /// How long the link is busy with one microbatch.
    public var busy: Seconds
    /// The latency: how long after that the message arrives.
    public var latency: Seconds

    /// Takes no time: stages on one node, or a link that was not measured.
    public static let free = Handover(busy: .zero, latency: .zero)

    /// A handover that takes `busy` and `latency`.
    public init(busy: Seconds, latency: Seconds) {
        self.busy = busy
        self.latency = latency
    }
}
