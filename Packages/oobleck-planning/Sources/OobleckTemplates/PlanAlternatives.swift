import OobleckValues

/// All ways to divide nodes into pipelines of templates, up to a limit.
struct PlanAlternatives {
    /// More are not listed: each is apportioned and, if its step time allows, placed.
    static let most = 256
    /// Partial divisions looked at until the search gives up.
    private static let workLimit = 20_000

    private let sizes: [Int]
    private let mostPipelines: Int
    private let leastPipelines: Int
    private var work = 0
    private var chosen: [Int] = []
    private var found: [[Int]] = []

    /// All multisets of the ascending sizes, by index, that sum to `nodes`; `nil` if there are more
    /// than ``most`` or too many partial ones.
    static func all(sizes: [Int], nodes: Int, pipelines: ClosedRange<Int>) -> [[Int]]? {
        var search = PlanAlternatives(
            sizes: sizes,
            mostPipelines: pipelines.upperBound,
            leastPipelines: pipelines.lowerBound
        )
        return search.extend(from: 0, nodes) ? search.found : nil
    }

    private init(sizes: [Int], mostPipelines: Int, leastPipelines: Int) {
        self.sizes = sizes
        self.mostPipelines = mostPipelines
        self.leastPipelines = leastPipelines
    }

    /// False if there are too many.
    private mutating func extend(from first: Int, _ nodesLeft: Int) -> Bool {
        work += 1
        guard work <= Self.workLimit else { return false }
        if nodesLeft == 0 {
            if chosen.count >= leastPipelines { found.append(chosen) }
            return found.count <= Self.most
        }
        guard chosen.count < mostPipelines else { return true }
        for index in first..<max(first, sizes.count) {
            let rest = nodesLeft - sizes[index]
            guard rest >= 0 else { break }
            // Those to come are no smaller.
            guard rest == 0 || rest >= sizes[index] else { continue }
            chosen.append(index)
            let isComplete = extend(from: index, rest)
            chosen.removeLast()
            guard isComplete else { return false }
        }
        return true
    }
}

extension Instantiator {
    /// All choices of pipelines over exactly `nodes` nodes, each with its least step time,
    /// ascending; `nil` if they are too many to compare.
    func alternatives(nodes: Int, minimumPipelines: Int) -> [Instantiation]? {
        guard minimumPipelines <= microbatches else { return [] }
        let multisets = PlanAlternatives.all(
            sizes: templates.map(\.nodes),
            nodes: nodes,
            pipelines: minimumPipelines...microbatches
        )
        // The fewest pipelines on a tie.
        return multisets.map { sets in
            sets.map { apportion($0) }
                .sorted {
                    ($0.step.value, $0.nodeCounts.count) < ($1.step.value, $1.nodeCounts.count)
                }
        }
    }
}
