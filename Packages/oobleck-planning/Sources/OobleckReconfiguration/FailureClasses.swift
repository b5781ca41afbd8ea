import OobleckValues

/// Failure sets that differ only in which of several equal pipelines they hit.
///
/// Nodes at the same place of pipelines of the same template hold the same layers, and idle nodes hold
/// none, so all sets of a class lead to the same sizes, step time and bytes.
struct FailureClass {
    /// One set of the class, ascending.
    let example: [NodeID]
    /// How many sets the class has.
    let sets: Int
    /// Pipelines that lose nodes.
    let pipelinesHit: Int
}

/// Sorts all sets of 1 to f lost nodes into classes.
struct FailureClasses {
    /// What can happen to one pipeline of a group: places lost, and in how many ways.
    private struct Pattern {
        let places: [Int]
        let ways: Int
    }

    private struct Group {
        /// Idle nodes are pipelines of one node each here.
        let pipelines: [[NodeID]]
        let patterns: [Pattern]
        let isIdle: Bool
    }

    private let groups: [Group]
    private let limit: Int
    private var classes: [FailureClass] = []

    /// The classes of the sets of lost nodes of a plan.
    ///
    /// - Parameters:
    ///   - pipelines: The pipelines in force.
    ///   - idleNodes: Living nodes without a place in them.
    ///   - losses: f.
    ///   - distinguishesPlaces: Whether it matters which of a pipeline's nodes are lost, or only
    ///     how many.
    ///   - limit: The most classes.
    /// - Returns: The classes, or `nil` if there are more than `limit` or too many sets to count.
    static func all(
        of pipelines: [Pipeline],
        idleNodes: [NodeID],
        losses: Int,
        distinguishesPlaces: Bool,
        limit: Int
    ) -> [FailureClass]? {
        var groups: [Group] = []
        for (size, members) in Dictionary(grouping: pipelines, by: \.templateNodes)
            .sorted(by: { $0.key < $1.key })
        {
            let patterns =
                distinguishesPlaces
                ? placesLost(of: size, upTo: losses, limit: limit)
                : countsLost(of: size, upTo: losses)
            guard let patterns else { return nil }
            groups.append(
                Group(pipelines: members.map(\.nodes), patterns: patterns, isIdle: false)
            )
        }
        if !idleNodes.isEmpty {
            let lost = Pattern(places: [0], ways: 1)
            groups.append(Group(pipelines: idleNodes.map { [$0] }, patterns: [lost], isIdle: true))
        }
        var classes = FailureClasses(groups: groups, limit: limit)
        guard classes.visit(0, left: losses, lost: [], sets: 1, hit: 0) else { return nil }
        return classes.classes
    }

    private init(groups: [Group], limit: Int) {
        self.groups = groups
        self.limit = limit
    }

    /// Completes a set by what happens to the groups from the given one on; false if there are too
    /// many.
    private mutating func visit(
        _ group: Int,
        left: Int,
        lost: [NodeID],
        sets: Int,
        hit: Int
    ) -> Bool {
        guard group < groups.count else {
            guard !lost.isEmpty else { return true }
            classes.append(FailureClass(example: lost.sorted(), sets: sets, pipelinesHit: hit))
            return classes.count <= limit
        }
        return choose(group, from: 0, used: 0, left: left, lost: lost, sets: sets, hit: hit)
    }

    /// Lets patterns from the given one on happen to pipelines of the group not used yet.
    private mutating func choose(
        _ group: Int,
        from first: Int,
        used: Int,
        left: Int,
        lost: [NodeID],
        sets: Int,
        hit: Int
    ) -> Bool {
        guard visit(group + 1, left: left, lost: lost, sets: sets, hit: hit) else { return false }
        let (pipelines, patterns) = (groups[group].pipelines, groups[group].patterns)
        for index in first..<max(first, patterns.count) {
            let pattern = patterns[index]
            var now = (used: used, left: left, lost: lost, sets: sets)
            var times = 0
            while now.left >= pattern.places.count, now.used < pipelines.count {
                now.lost += pattern.places.map { pipelines[now.used][$0] }
                times += 1
                // Choices of that number of pipelines out of those without a pattern, one more each
                // time.
                let choices = now.sets.multipliedReportingOverflow(by: pipelines.count - now.used)
                let ways = (choices.partialValue / times)
                    .multipliedReportingOverflow(by: pattern.ways)
                guard !choices.overflow, !ways.overflow else { return false }
                now.sets = ways.partialValue
                now.used += 1
                now.left -= pattern.places.count
                let isComplete = choose(
                    group,
                    from: index + 1,
                    used: now.used,
                    left: now.left,
                    lost: now.lost,
                    sets: now.sets,
                    hit: groups[group].isIdle ? hit : hit + times
                )
                guard isComplete else { return false }
            }
        }
        return true
    }

    /// All sets of 1 to `most` places, or `nil` if there are more than `limit`.
    private static func placesLost(of size: Int, upTo most: Int, limit: Int) -> [Pattern]? {
        var patterns: [Pattern] = []
        var last: [[Int]] = [[]]
        for _ in 0..<min(most, size) {
            last = last.flatMap { places in
                ((places.last ?? -1) + 1..<size).map { places + [$0] }
            }
            patterns += last.map { Pattern(places: $0, ways: 1) }
            guard patterns.count <= limit else { return nil }
        }
        return patterns
    }

    /// All counts from 1 to `most` of places, with the last ones for an example.
    private static func countsLost(of size: Int, upTo most: Int) -> [Pattern]? {
        var patterns: [Pattern] = []
        var ways = 1
        for count in 1...max(1, min(most, size)) where count <= most {
            let product = ways.multipliedReportingOverflow(by: size - count + 1)
            guard !product.overflow else { return nil }
            ways = product.partialValue / count
            patterns.append(Pattern(places: Array(size - count..<size), ways: ways))
        }
        return patterns
    }
}
