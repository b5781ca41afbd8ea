public import OobleckValues

/// How long it takes to decide on a plan, to rebuild the process groups and to resume.
public enum RebuildTime: Hashable, Sendable {
    /// Always so long.
    case constant(Seconds)
    /// By a law, each time another draw of its spread.
    case law(RebuildLaw)

    /// The time for `nodes` nodes; `draw` is even in [0, 1).
    func time(nodes: Int, draw: Double) -> Seconds {
        switch self {
        case .constant(let time): time
        case .law(let law): law.time(nodes: nodes, draw: draw)
        }
    }
}

/// What rebuilding takes by the count of nodes.
///
/// The nodes work at the same time, each for as long; the coordinator's work grows with their count. The
/// spread is that of real recoveries over this, as quantiles of even shares.
public struct RebuildLaw: Hashable, Sendable {
    /// What one node works.
    public var node: Seconds
    /// What the coordinator works, whatever the count of nodes.
    public var coordinator: Seconds
    /// What it works for each node.
    public var coordinatorEachNode: Seconds
    /// Factors, ascending: the middles of shares of the same size.
    public var spread: [Double]

    /// As measured with real processes (`Benchmarks/Results/recovery-times.json`).
    ///
    /// They were 16 at most, on two cores and loopback. Groups on GPUs take longer to form.
    public static let measured = RebuildLaw(
        node: 0.0165,
        coordinator: 0,
        coordinatorEachNode: 0.0038,
        spread: [0.839, 0.869, 0.889, 0.962, 0.987, 1.044, 1.086, 1.134, 1.257, 1.368]
    )

    /// The time for `nodes` nodes; `draw` is even in [0, 1).
    func time(nodes: Int, draw: Double) -> Seconds {
        let median = node + coordinator + Double(nodes) * coordinatorEachNode
        return quantile(draw) * median
    }

    /// Straight lines between the middles of the shares; level beyond the first and the last.
    private func quantile(_ draw: Double) -> Double {
        guard let first = spread.first, let last = spread.last else { return 1 }
        let place = draw * Double(spread.count) - 0.5
        guard place > 0 else { return first }
        let index = Int(place)
        guard index + 1 < spread.count else { return last }
        return spread[index] + (place - Double(index)) * (spread[index + 1] - spread[index])
    }
}
