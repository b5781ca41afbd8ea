/// A lower bound of T for each possible slowest stage.
struct SearchBounds {
    /// One possible slowest stage.
    struct Candidate {
        /// W.
        let work: Double
        /// The sum of the w that T counts: nothing divides the other layers into less.
        let base: Double
        /// No fewer stages cover the layers before it with w <= W each; no more can.
        let leastBefore: Int
        let mostBefore: Int
        /// No fewer stages cover the layers after it with w < W each; no more can.
        let leastAfter: Int
        let mostAfter: Int
    }

    /// By W ascending.
    let candidates: [Candidate]

    init(stages: SearchStages, least share: Double) {
        struct Stage {
            let work: Double
            let first: Int
            let end: Int
        }
        var all: [Stage] = []
        let count = stages.layerCount
        for widthIndex in stages.widths.indices {
            for first in 0..<count {
                let row = stages.row(widthIndex, first)
                for end in (first + 1)...count where stages.works[row + end] >= share {
                    // No stage fits for longer than its first microbatch.
                    if let most = stages.mostInFlight, most[row + end] < 1 { break }
                    all.append(Stage(work: stages.works[row + end], first: first, end: end))
                }
            }
        }
        all.sort { ($0.work, $0.first, $0.end) < ($1.work, $1.first, $1.end) }
        var cover = Cover(stages: stages)
        var candidates: [Candidate] = []
        var last: Double?
        for stage in all {
            if stage.work != last { cover.raise(to: stage.work, stages) }
            last = stage.work
            guard let before = cover.before[stage.first], let after = cover.after[stage.end] else {
                continue
            }
            let least = stages.leastWorkBefore
            candidates.append(
                Candidate(
                    work: stage.work,
                    base: least[stage.first] + 2 * stage.work
                        + 2 * (least[count] - least[stage.end]),
                    leastBefore: before,
                    mostBefore: stage.first,
                    leastAfter: after,
                    mostAfter: count - stage.end
                )
            )
        }
        self.candidates = candidates
    }
}

extension SearchBounds.Candidate {
    /// What T is at least with that slowest stage, or infinity if no division has it.
    ///
    /// A stage before costs more than one after (``SearchPrices``): the least is as few stages as
    /// there can be, and those that only fill the nodes come after.
    func bound(_ prices: SearchPrices, leastStages: Int, mostStages: Int) -> Double {
        guard leastBefore + leastAfter < mostStages else { return .infinity }
        let after = min(max(leastAfter, leastStages - 1 - leastBefore), mostAfter)
        let before = max(leastBefore, leastStages - 1 - after)
        guard before <= mostBefore else { return .infinity }
        let slots = prices.before * Double(before) + prices.after * Double(after) + prices.slowest
        return base + slots * work
    }
}

/// The least counts of stages, of any width, that cover the first or the last layers.
///
/// Greedy: the n-th stage ends nowhere later than the farthest that any stage reaches from where
/// n - 1 stages can end or earlier (by induction), whatever rounding does to the order of the w.
private struct Cover {
    /// Stages with w <= W for the layers before the index, `nil` if there are none.
    var before: [Int?]
    /// Stages with w < W for the layers from the index on.
    var after: [Int?]
    /// The greatest end of a stage by width and first layer.
    private var closed: [[Int]]
    private var open: [[Int]]

    init(stages: SearchStages) {
        before = [Int?](repeating: nil, count: stages.layerCount + 1)
        after = before
        closed = stages.widths.map { _ in Array(0..<stages.layerCount) }
        open = closed
    }

    /// W only grows, so every reach does.
    mutating func raise(to limit: Double, _ stages: SearchStages) {
        let count = stages.layerCount
        var farthest = Array(0..<count)
        var farthestOpen = farthest
        for widthIndex in stages.widths.indices {
            for first in 0..<count {
                let row = stages.row(widthIndex, first)
                var end = closed[widthIndex][first]
                while end < count, stages.works[row + end + 1] <= limit { end += 1 }
                closed[widthIndex][first] = end
                farthest[first] = max(farthest[first], end)
                end = open[widthIndex][first]
                while end < count, stages.works[row + end + 1] < limit { end += 1 }
                open[widthIndex][first] = end
                farthestOpen[first] = max(farthestOpen[first], end)
            }
        }
        coverBefore(farthest)
        coverAfter(farthestOpen)
    }

    private mutating func coverBefore(_ farthest: [Int]) {
        for layer in before.indices { before[layer] = nil }
        before[0] = 0
        var (position, end, stageCount) = (0, 0, 0)
        var first = 0
        while position < farthest.count {
            while first <= position {
                end = max(end, farthest[first])
                first += 1
            }
            guard end > position else { return }
            stageCount += 1
            for layer in (position + 1)...end { before[layer] = stageCount }
            position = end
        }
    }

    private mutating func coverAfter(_ farthest: [Int]) {
        let count = farthest.count
        // The first layer from which some stage reaches the index.
        var earliest = Array(0...count)
        var reached = 0
        for first in 0..<count where farthest[first] > max(reached, first) {
            for end in (max(reached, first) + 1)...farthest[first] { earliest[end] = first }
            reached = farthest[first]
        }
        for layer in after.indices { after[layer] = nil }
        after[count] = 0
        var (position, stageCount) = (count, 0)
        while position > 0, earliest[position] < position {
            stageCount += 1
            for layer in earliest[position]..<position { after[layer] = stageCount }
            position = earliest[position]
        }
    }
}
