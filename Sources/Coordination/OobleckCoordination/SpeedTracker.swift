import OobleckCore

/// Finds out from the computing times in the votes which workers are slower than their peers.
///
/// What a layer costs is learnt from all who compute it: the lower quartile of its latest times per
/// microbatch, over all holders, or what it takes its holders now if that is less. (Who alone held it
/// for long may have been slow.) A worker's slowness in a step is the time that it spent over the time
/// that its layers cost, relative to the median worker of the same step: a machine under load slows
/// all its workers and makes none of them slow. Only the ratio counts, no profile. A worker that holds
/// layers alone is compared with its own past.
///
/// A time that cannot have been measured (none at all, less than a clock can tell, negative, without
/// bound) counts for no verdict: neither on its worker nor on others.
package struct SpeedTracker: Sendable {
    /// Steps that a verdict rests on; a worker that got slow is found after this many.
    package static let window = 4
    /// The most that a worker is taken to be slower than its peers.
    package static let mostSlowness = 100.0
    /// Times of each layer that are remembered.
    private static let memory = 32
    /// Slowness over the window from which a worker counts as slow, and below which no longer.
    static let slowFrom = 1.6
    static let fastBelow = 1.25
    /// Computing time in the window below which noise cannot be told from slowness.
    private static let leastBusy: Seconds = 0.004
    /// Time of one layer and one microbatch below which it was not measured: no layer is computed in
    /// so little.
    private static let leastTime: Seconds = 1e-6

    /// What a worker was compared with: times of one microbatch, means over the window.
    package struct Comparison: Hashable, Sendable {
        /// The worker's computing time on its layers.
        package let own: Seconds
        /// What its peers take for the same layers.
        package let peers: Seconds
    }

    /// What one step showed of one worker.
    private struct Sample {
        /// Computing time of one microbatch on all layers of the worker.
        let time: Double
        /// What that costs a worker like the others.
        let cost: Double
        let busy: Seconds

        var ratio: Double { time / cost }
    }

    private var layerTimes: [Int: [Double]] = [:]
    private var layerCounts: [Int: Int] = [:]
    /// The latest steps of each worker, `nil` where nothing was measured.
    private var samples: [WorkerID: [Sample?]] = [:]
    /// How many times slower each slow worker is than its peers.
    package private(set) var slowness: [WorkerID: Double] = [:]
    /// What each slow worker was compared with.
    package private(set) var comparisons: [WorkerID: Comparison] = [:]

    package init() {}

    /// Takes the times of one step, and finds the workers that got slow or fast again.
    ///
    /// Costs O(layers) for each worker.
    ///
    /// - Parameters:
    ///   - times: The computing time of each layer, by worker.
    ///   - microbatches: Those that each worker's pipeline ran.
    ///   - idle: Nodes without work, of which what was last measured holds.
    /// - Returns: The workers whose verdict has changed.
    package mutating func add(
        _ times: [WorkerID: [Int: Seconds]],
        microbatches: [WorkerID: Int],
        keeping idle: Set<WorkerID> = []
    ) -> [WorkerID] {
        var measured: [WorkerID: [Int: Double]] = [:]
        for (worker, layers) in times where !layers.isEmpty {
            measured[worker] = Self.believed(layers, microbatches: microbatches[worker] ?? 1)
        }
        for (_, layers) in measured.sorted(by: { $0.key < $1.key }) {
            for (layer, time) in layers.sorted(by: { $0.key < $1.key }) {
                remember(time, of: layer)
            }
        }
        let costs = costs(of: measured)
        for (worker, layers) in times where !layers.isEmpty {
            let sample = measured[worker].map { own in
                let time = own.keys.sorted().reduce(0) { $0 + (own[$1] ?? 0) }
                return Sample(
                    time: time,
                    cost: own.keys.sorted().reduce(0) { $0 + (costs[$1] ?? 0) },
                    busy: Seconds(time * Double(max(1, microbatches[worker] ?? 1)))
                )
            }
            samples[worker, default: []].append(sample)
            if samples[worker, default: []].count > Self.window { samples[worker]?.removeFirst() }
        }
        samples = samples.filter { times[$0.key] != nil }
        return judge(keeping: idle)
    }

    /// The times of a worker's layers for one microbatch, or `nil` unless all of them were measured.
    private static func believed(
        _ times: [Int: Seconds],
        microbatches: Int
    ) -> [Int: Double]? {
        var believed: [Int: Double] = [:]
        for (layer, time) in times {
            guard let time = time.measured else { return nil }
            let single = time / Double(max(1, microbatches))
            guard single >= leastTime else { return nil }
            believed[layer] = single.value
        }
        return believed
    }

    private mutating func remember(_ time: Double, of layer: Int) {
        let count = layerCounts[layer, default: 0]
        if count < Self.memory {
            layerTimes[layer, default: []].append(time)
        } else {
            layerTimes[layer]?[count % Self.memory] = time
        }
        layerCounts[layer] = count + 1
    }

    /// What the layers of this step cost.
    private func costs(of measured: [WorkerID: [Int: Double]]) -> [Int: Double] {
        var holders: [Int: [Double]] = [:]
        for (layer, time) in measured.values.joined() { holders[layer, default: []].append(time) }
        return holders.reduce(into: [:]) { costs, entry in
            let times = entry.value.sorted()
            costs[entry.key] = min(cost(of: entry.key), times[(times.count - 1) / 2])
        }
    }

    private func cost(of layer: Int) -> Double {
        guard let times = layerTimes[layer]?.sorted(), !times.isEmpty else { return 0 }
        return times[(times.count - 1) / 4]
    }

    private mutating func judge(keeping idle: Set<WorkerID>) -> [WorkerID] {
        // The median worker of each of the latest steps.
        let steps = samples.values.map(\.count).max() ?? 0
        let medians = (0..<steps).map { age in
            let ratios = samples.values.compactMap { Self.sample($0, age: age)?.ratio }.sorted()
            return ratios.isEmpty ? 1 : ratios[(ratios.count - 1) / 2]
        }
        var changed: [WorkerID] = []
        for (worker, own) in samples.sorted(by: { $0.key < $1.key }) {
            let ratios = own.indices.compactMap { age -> Double? in
                Self.sample(own, age: age).map { min($0.ratio / medians[age], Self.mostSlowness) }
            }
            guard ratios.count >= Self.window - 1 else { continue }
            let busy = own.reduce(Seconds.zero) { $0 + ($1?.busy ?? .zero) }
            let mean = ratios.reduce(0, +) / Double(ratios.count)
            let strikes = ratios.filter { $0 >= Self.fastBelow }
            if slowness[worker] != nil {
                if mean < Self.fastBelow {
                    slowness[worker] = nil
                    changed.append(worker)
                } else {
                    slowness[worker] = mean
                }
            } else if busy >= Self.leastBusy, mean >= Self.slowFrom,
                strikes.count >= Self.window - 1
            {
                slowness[worker] = strikes.reduce(0, +) / Double(strikes.count)
                changed.append(worker)
            }
            comparisons[worker] = slowness[worker] == nil ? nil : Self.comparison(own, medians)
        }
        for worker in slowness.keys where samples[worker] == nil && !idle.contains(worker) {
            slowness[worker] = nil
            comparisons[worker] = nil
        }
        return changed
    }

    private static func comparison(_ samples: [Sample?], _ medians: [Double]) -> Comparison {
        let known = samples.indices.compactMap { age in
            sample(samples, age: age).map { (own: $0.time, peers: $0.cost * medians[age]) }
        }
        let count = Double(max(1, known.count))
        return Comparison(
            own: Seconds(known.reduce(0) { $0 + $1.own } / count),
            peers: Seconds(known.reduce(0) { $0 + $1.peers } / count)
        )
    }

    /// What was seen `age` steps before the latest.
    private static func sample(_ samples: [Sample?], age: Int) -> Sample? {
        age < samples.count ? samples[samples.count - 1 - age] : nil
    }
}
