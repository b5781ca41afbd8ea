import OobleckSchedule
import OobleckValues

/// The time of each template with any number of microbatches, and what it finishes within a time.
struct TemplateTimes: Sendable {
    /// Nodes of each template, ascending.
    let sizes: [Int]
    /// M, the most microbatches that are asked for.
    let microbatches: Int
    private let models: [Model]

    /// What gives the time of one template.
    private enum Model {
        case path(CriticalPath)
        /// The makespans with 1, 2, ... microbatches.
        case makespans([Seconds])
    }

    init(_ templates: [PipelineTemplate], microbatches: Int, costModel: CostModel) {
        sizes = templates.map(\.nodes)
        self.microbatches = microbatches
        models = templates.map { template in
            switch costModel {
            case .sosp23, .sosp23Artifact: return .path(CriticalPath(template.stages))
            case .schedule:
                let stages = template.stages.map { StageTime($0) }
                return .makespans(ScheduleMakespans.all(stages: stages, upTo: microbatches))
            }
        }
    }

    /// Seconds of a template's pass over that many microbatches; nondecreasing in them.
    func time(_ template: Int, _ microbatches: Int) -> Double {
        switch models[template] {
        case .path(let path): pipelineTime(path, microbatches: microbatches).value
        case .makespans(let makespans): makespans[microbatches - 1].value
        }
    }

    /// The time of the slowest template with all microbatches.
    var greatest: Double {
        sizes.indices.map { time($0, microbatches) }.max() ?? 0
    }

    /// The most microbatches, M at most, that a template finishes within a time; 0 if none.
    ///
    /// O(log M).
    func count(_ template: Int, within limit: Double) -> Int {
        var low = 0
        var high = microbatches
        while low < high {
            let middle = (low + high + 1) / 2
            if time(template, middle) <= limit { low = middle } else { high = middle - 1 }
        }
        return low
    }

    /// The same of all templates.
    func counts(within limit: Double) -> [Int] {
        sizes.indices.map { count($0, within: limit) }
    }

    /// The `step`-th of the times above `low`, `high` at most; `nil` if there is none above.
    func threshold(above low: Double, step: Int, atMost high: Double) -> Double? {
        var counts = counts(within: low)
        var threshold: Double?
        for _ in 0..<step {
            var next = Double.infinity
            for template in sizes.indices where counts[template] < microbatches {
                next = min(next, time(template, counts[template] + 1))
            }
            guard next <= high else { return threshold }
            for template in sizes.indices {
                while counts[template] < microbatches,
                    time(template, counts[template] + 1) <= next
                {
                    counts[template] += 1
                }
            }
            threshold = next
        }
        return threshold
    }

    /// The least time above `low` that is enough, where `high` is, `low` is not, and what is enough
    /// changes only at times that some template takes with some number of microbatches.
    func least(above low: Double, to high: Double, isEnough: (Double) -> Bool) -> Double {
        var low = low
        var high = high
        while true {
            let before = counts(within: low)
            let after = counts(within: high)
            let middle = low + (high - low) / 2
            let between = zip(before, after).reduce(0) { $0 + $1.1 - $1.0 }
            guard between > 64, low < middle, middle < high else {
                var times: [Double] = []
                for template in sizes.indices where before[template] < after[template] {
                    times += (before[template] + 1...after[template]).map { time(template, $0) }
                }
                times.sort()
                let first = times.partitionIndex { isEnough($0) }
                return first < times.count ? times[first] : high
            }
            if isEnough(middle) { high = middle } else { low = middle }
        }
    }
}

extension Array {
    /// The first index whose element satisfies the predicate, in an array where all elements that
    /// do stand behind all that do not.
    ///
    /// O(log n).
    fileprivate func partitionIndex(where predicate: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
