/// Counts of a simulated run.
struct RunTally: Hashable {
    var events = 0
    /// Moments at which nodes were lost.
    var losses = 0
    /// Steps that count in the end.
    var steps = 0
    /// Steps, begun or done, that had to be done again.
    var lostSteps = 0
    var samples = 0
    /// Of steps that are not finished, for bounds.
    var partialSamples = 0.0
    /// From a loss to the next training, in order; outages in which the job waited for nodes
    /// included.
    var recoveries: [SimulatedTime] = []
    var recoveryStart: SimulatedTime?

    mutating func begin(at time: SimulatedTime) {
        if recoveryStart == nil { recoveryStart = time }
    }

    mutating func end(at time: SimulatedTime) {
        if let start = recoveryStart { recoveries.append(time - start) }
        recoveryStart = nil
    }
}
