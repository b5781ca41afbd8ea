public import OobleckValues

extension LayerProfile {
    /// All-reduce time of the layer among `devices` devices of one node.
    public func allReduceTime(amongDevices devices: Int) -> Seconds {
        OobleckTemplates.allReduceTime(measured: allReduceInNode, participants: devices)
    }

    /// All-reduce time of the layer's gradients among `nodes` nodes.
    public func allReduceTime(amongNodes nodes: Int) -> Seconds {
        OobleckTemplates.allReduceTime(measured: allReduceAcrossNodes, participants: nodes)
    }
}

/// The time for a count of participants that may lie beside the measured ones.
///
/// One participant has nothing to reduce. Between two measured counts (or between one participant
/// and the first measured count) the time is interpolated linearly. Past the last measured count n'
/// it follows the ring, in which each participant moves 2 (n - 1) / n of the bytes, so that the
/// time grows by the factor ((n - 1) / n) / ((n' - 1) / n'). Nothing measured means no cost.
private func allReduceTime(measured: [Int: Seconds], participants: Int) -> Seconds {
    guard participants > 1 else { return .zero }
    if let exact = measured[participants] { return exact }
    var below = (count: 1, time: Seconds.zero)
    var above: (count: Int, time: Seconds)?
    for (count, time) in measured where count > 1 {
        if count < participants, count > below.count { below = (count, time) }
        if count > participants, count < above?.count ?? Int.max { above = (count, time) }
    }
    if let above {
        let share = Double(participants - below.count) / Double(above.count - below.count)
        return below.time + share * (above.time - below.time)
    }
    guard below.count > 1 else { return .zero }
    func ringShare(_ count: Int) -> Double { Double(count - 1) / Double(count) }
    return (ringShare(participants) / ringShare(below.count)) * below.time
}
