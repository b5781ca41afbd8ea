import OobleckCore

/// What the best division of layers into stages comes to, found without the planner.
///
/// For stages of one device, with w = F + B of a layer or stage (paper, section 4.1).
struct DivisionBounds {
    /// w of each layer.
    let work: [Double]
    /// Sum of the first so many.
    private let prefix: [Double]

    init(_ profile: ModelProfile) {
        self.init(work: profile.layers.map { $0.forward.value + $0.backward.value })
    }

    init(work: [Double]) {
        self.work = work
        prefix = work.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
    }

    private var total: Double { prefix[work.count] }

    /// No division has a faster slowest stage: the mean of the stages, and the slowest layer.
    func idealSlowest(stages: Int) -> Double {
        max(total / Double(stages), work.max() ?? 0)
    }

    /// The slowest stage of the division where it is fastest.
    ///
    /// By the recurrence over the last cut, O(S L^2).
    func leastSlowest(stages: Int) -> Double {
        var least = prefix.map { $0 }
        for _ in 1..<max(1, stages) {
            least = least.indices.map { end in
                (1..<max(1, end)).map { max(least[$0], prefix[end] - prefix[$0]) }.min()
                    ?? .infinity
            }
        }
        return least[work.count]
    }

    /// The least T of all divisions, by what could be the slowest stage: any run of layers [u, v) at
    /// any place k, if the layers before it divide into k stages that are no slower, and those after
    /// it into S - k - 1 that are faster.
    ///
    /// O(L^3 + L^2 S).
    func leastIteration(stages: Int) -> Double {
        let layers = work.count
        var least = Double.infinity
        for first in 0..<layers {
            for end in first + 1...layers {
                let slowest = prefix[end] - prefix[first]
                guard let before = fewestStages(0..<first, within: slowest, isStrict: false),
                    let after = fewestStages(end..<layers, within: slowest, isStrict: true)
                else { continue }
                for place in before...max(before, min(first, stages - 1)) {
                    let rest = stages - 1 - place
                    guard place <= first, rest >= after, rest <= layers - end else { continue }
                    least = min(least, iteration(slowest, place, from: first, stages))
                }
            }
        }
        return least
    }

    /// The least T, by trying one division after the other.
    func leastIterationOneByOne(stages: Int) -> Double {
        var least = Double.infinity
        var cuts: [Int] = []
        func extend() {
            let last = cuts.last ?? 0
            guard cuts.count < stages - 1 else {
                least = min(least, iteration(cuts: cuts, stages))
                return
            }
            let left = stages - 1 - cuts.count
            for cut in last + 1...work.count - left {
                cuts.append(cut)
                extend()
                cuts.removeLast()
            }
        }
        guard stages >= 1, stages <= work.count else { return .infinity }
        extend()
        return least
    }

    /// How many ways there are to divide so many layers into so many stages.
    static func divisions(layers: Int, stages: Int) -> Int {
        guard (1...max(1, layers)).contains(stages) else { return 0 }
        // C(L - 1, S - 1): each factor divides what was multiplied so far.
        return (0..<stages - 1).reduce(1) { $0 * (layers - 1 - $1) / ($1 + 1) }
    }

    /// T of a division whose slowest stage starts at layer `first` and stands at `place`.
    private func iteration(
        _ slowest: Double,
        _ place: Int,
        from first: Int,
        _ stages: Int
    ) -> Double {
        total + Double(3 * stages + place - 1) * slowest + total - prefix[first]
    }

    private func iteration(cuts: [Int], _ stages: Int) -> Double {
        var (slowest, place, first) = (-1.0, 0, 0)
        for stage in 0..<stages {
            let start = stage == 0 ? 0 : cuts[stage - 1]
            let end = stage == stages - 1 ? work.count : cuts[stage]
            let time = prefix[end] - prefix[start]
            // The rightmost on a tie.
            if time >= slowest { (slowest, place, first) = (time, stage, start) }
        }
        return iteration(slowest, place, from: first, stages)
    }

    /// The fewest stages of these layers of which none is slower, or as slow if `isStrict`; `nil` if a
    /// layer alone is.
    private func fewestStages(_ layers: Range<Int>, within limit: Double, isStrict: Bool) -> Int? {
        var (stages, start) = (0, layers.lowerBound)
        while start < layers.upperBound {
            var end = start
            while end < layers.upperBound {
                let time = prefix[end + 1] - prefix[start]
                guard isStrict ? time < limit : time <= limit else { break }
                end += 1
            }
            guard end > start else { return nil }
            (stages, start) = (stages + 1, end)
        }
        return stages
    }
}
