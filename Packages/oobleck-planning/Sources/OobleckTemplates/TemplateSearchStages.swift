import OobleckValues

/// Work and memory of every possible stage, laid out for the search's inner loops.
struct SearchStages {
    let layerCount: Int
    let devicesPerNode: Int
    let widths: [Int]
    /// w by width, first layer and end layer: nondecreasing in the end, to the last bit.
    let works: [Double]
    /// The most microbatches in flight that fit, laid out alike; `nil` if memory is unlimited.
    ///
    /// Nonincreasing in the end.
    let mostInFlight: [Int32]?
    /// No division of the layers before the index works less than this, whatever its widths.
    let leastWorkBefore: [Double]

    init(costs: StageCosts) {
        layerCount = costs.layerCount
        devicesPerNode = costs.devicesPerNode
        widths = costs.widths
        let stride = layerCount + 1
        var works = [Double](repeating: 0, count: widths.count * stride * stride)
        var mostInFlight: [Int32]?
        if costs.deviceMemory != nil { mostInFlight = [Int32](repeating: 0, count: works.count) }
        for (widthIndex, width) in widths.enumerated() {
            for first in 0..<layerCount {
                let row = (widthIndex * stride + first) * stride
                for end in (first + 1)...layerCount {
                    works[row + end] = costs.work(first..<end, widthIndex: widthIndex)
                    mostInFlight?[row + end] = Int32(
                        clamping: costs.mostInFlight(first..<end, devices: width)
                    )
                }
            }
        }
        self.works = works
        self.mostInFlight = mostInFlight
        let widthCount = widths.count
        leastWorkBefore = (0..<layerCount).reduce(into: [0.0]) { sums, layer in
            let least = (0..<widthCount).reduce(Double.infinity) { least, widthIndex in
                min(least, works[(widthIndex * stride + layer) * stride + layer + 1])
            }
            sums.append(sums[layer] + least)
        }
    }

    /// Where the stages of a width that start at layer `first` begin: add the end layer.
    func row(_ widthIndex: Int, _ first: Int) -> Int {
        (widthIndex * (layerCount + 1) + first) * (layerCount + 1)
    }

    /// The greatest end of a stage from `first` on with w <= limit, or `first` if there is none.
    func reach(_ widthIndex: Int, _ first: Int, limit: Double) -> Int {
        let row = row(widthIndex, first)
        var low = first
        var high = layerCount
        while low < high {
            let middle = (low + high + 1) / 2
            if works[row + middle] <= limit { low = middle } else { high = middle - 1 }
        }
        return low
    }

    /// Whether a division fits the memory, given its number of stages.
    func fits(_ division: [SearchChoice]) -> Bool {
        guard let mostInFlight else { return true }
        var first = 0
        for (stage, choice) in division.enumerated() {
            let most = mostInFlight[row(choice.widthIndex, first) + choice.end]
            guard most >= division.count - stage else { return false }
            first = choice.end
        }
        return true
    }
}

/// One stage of a division: it begins where the one before ends.
struct SearchChoice {
    var end: Int
    var widthIndex: Int
}

/// T as a sum over stages, given the time W of the slowest stage k.
///
/// With `after` stages behind it, S = k + 1 + after, and T (`Documentation/Planner.md`, P5) becomes
///
///     sosp23:           sum before k of (w + 4 W) + (2 w_k + 2 W) + sum after k of (2 w + 3 W)
///     sosp23-artifact:  sum before k of (w + 3 W) + (2 w_k + 3 W) + sum after k of (2 w + 2 W)
///
/// (the latter for S >= 2). S no longer appears, so states need not count stages.
struct SearchPrices {
    let before: Double
    let slowest: Double
    let after: Double

    init(_ costModel: CostModel) {
        switch costModel {
        // The search of `schedule` starts from the best division of `sosp23`.
        case .sosp23, .schedule: (before, slowest, after) = (4, 2, 3)
        case .sosp23Artifact: (before, slowest, after) = (3, 3, 2)
        }
    }
}
