import OobleckCore

/// Finds out from the computing times in the votes which nodes are slower than their peers.
///
/// What a layer costs is learnt from all who compute it: the lower quartile of its latest times per
/// microbatch, over all holders. A node's slowness in a step is the time that it spent over the time
/// that its layers cost, relative to the median node of the same step: a machine under load slows
/// all its nodes and makes none of them slow. Only the ratio counts, no profile. A node that holds
/// layers alone is compared with its own past.
package struct SpeedTracker: Sendable {
    /// Steps that a verdict rests on; so many after a node got slow it is found.
    package static let window = 4
    /// Times of each layer that are remembered.
    private static let memory = 32
    /// Slowness over the window from which a node counts as slow, and below which no longer.
    static let slowFrom = 1.6
    static let fastBelow = 1.25
    /// Computing time in the window below which noise cannot be told from slowness.
    private static let leastBusy: Seconds = 0.004

    /// What one step showed of one node.
    private struct Sample {
        /// Computing time of one microbatch on all layers of the node.
        let time: Double
        /// What that costs a node like the others.
        let cost: Double
        let busy: Seconds
    }

    private var layerTimes: [Int: [Double]] = [:]
    private var layerCounts: [Int: Int] = [:]
    private var samples: [NodeID: [Sample]] = [:]
    /// How many times slower each slow node is than its peers.
    package private(set) var slowness: [NodeID: Double] = [:]

    package init() {}

    /// Takes the times of one step; returns the nodes whose slowness was found or is over.
    ///
    /// `microbatches` are those that each node's pipeline ran. Costs O(layers) for each node.
    package mutating func add(
        _ times: [NodeID: [Int: Seconds]],
        microbatches: [NodeID: Int]
    ) -> [NodeID] {
        for (node, layers) in times.sorted(by: { $0.key < $1.key }) {
            for (layer, time) in layers.sorted(by: { $0.key < $1.key }) {
                remember(time.value / Double(max(1, microbatches[node] ?? 1)), of: layer)
            }
        }
        for (node, layers) in times where !layers.isEmpty {
            let total = layers.values.reduce(0) { $0 + $1.value }
            let sample = Sample(
                time: total / Double(max(1, microbatches[node] ?? 1)),
                cost: layers.keys.sorted().reduce(0) { $0 + cost(of: $1) },
                busy: Seconds(total)
            )
            samples[node, default: []].append(sample)
            if samples[node, default: []].count > Self.window { samples[node]?.removeFirst() }
        }
        samples = samples.filter { times[$0.key] != nil }
        return judge()
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

    private func cost(of layer: Int) -> Double {
        guard let times = layerTimes[layer]?.sorted(), !times.isEmpty else { return 0 }
        return times[(times.count - 1) / 4]
    }

    private mutating func judge() -> [NodeID] {
        // The median node of each of the latest steps.
        let steps = samples.values.map(\.count).max() ?? 0
        let medians = (0..<steps).map { age in
            let ratios = samples.values.compactMap { Self.ratio($0, age: age) }.sorted()
            return ratios.isEmpty ? 1 : ratios[(ratios.count - 1) / 2]
        }
        var changed: [NodeID] = []
        for (node, own) in samples.sorted(by: { $0.key < $1.key }) {
            let ratios = own.indices.compactMap { age -> Double? in
                Self.ratio(own, age: age).map { $0 / max(medians[age], 1e-12) }
            }
            guard ratios.count >= Self.window - 1 else { continue }
            let busy = own.reduce(Seconds.zero) { $0 + $1.busy }
            let mean = ratios.reduce(0, +) / Double(ratios.count)
            let strikes = ratios.filter { $0 >= Self.fastBelow }
            if slowness[node] != nil {
                if mean < Self.fastBelow {
                    slowness[node] = nil
                    changed.append(node)
                } else {
                    slowness[node] = mean
                }
            } else if busy >= Self.leastBusy, mean >= Self.slowFrom,
                strikes.count >= Self.window - 1
            {
                slowness[node] = strikes.reduce(0, +) / Double(strikes.count)
                changed.append(node)
            }
        }
        for node in slowness.keys where samples[node] == nil { slowness[node] = nil }
        return changed
    }

    /// Time over cost, `age` steps before the latest.
    private static func ratio(_ samples: [Sample], age: Int) -> Double? {
        guard age < samples.count else { return nil }
        let sample = samples[samples.count - 1 - age]
        return sample.cost > 0 ? sample.time / sample.cost : nil
    }
}
