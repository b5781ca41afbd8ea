import OobleckValues

/// Divides groups of nodes into pipelines for which templates exist: the fewest idle nodes, then
/// the fewest nodes that change their group, then the fewest groups changed, then the most
/// pipelines.
///
/// A knapsack over (groups, pipelines, nodes): O(G P N t) for G groups, at most P pipelines, N nodes
/// and t sizes. Only needed where sizes are missing, so t is small or G is.
struct PipelineFit {
    /// Node counts of the templates, ascending.
    let sizes: [Int]
    /// Greatest count of pipelines; may be 0.
    let mostPipelines: Int

    /// The pipelines, and the nodes that remain without one.
    ///
    /// A group gives from its end. A pipeline that gets nodes is sorted.
    func divide(_ groups: [[NodeID]], spare: [NodeID]) -> (pipelines: [[NodeID]], idle: [NodeID]) {
        let targets = targets(groups.map(\.count), spare: spare.count)
        let sizeOf = targets.groups + targets.extra
        let kept = zip(groups, targets.groups).map { Array($0.prefix($1)) }
        var pool = zip(groups, targets.groups).flatMap { Array($0.dropFirst($1)) } + spare
        var pipelines: [[NodeID]] = []
        for (index, size) in sizeOf.enumerated() where size > 0 {
            let own = index < kept.count ? kept[index] : []
            let missing = size - own.count
            let nodes = missing > 0 ? (own + pool.prefix(missing)).sorted() : own
            pool.removeFirst(missing)
            pipelines.append(nodes)
        }
        return (pipelines, pool)
    }

    /// The size to bring each group to, 0 to dissolve it, and the sizes of further pipelines.
    private func targets(_ groups: [Int], spare: Int) -> (groups: [Int], extra: [Int]) {
        let total = groups.reduce(spare, +)
        let most = min(mostPipelines, total / (sizes.first ?? 1))
        guard most > 0 else { return (groups.map { _ in 0 }, []) }
        var table = FitTable(pipelines: most, nodes: total, moveWeight: groups.count + 1)
        for size in groups { table.append(group: size, sizes: sizes) }
        table.extend(sizes: sizes)
        return table.best()
    }
}

/// Least cost of using exactly n nodes in exactly p pipelines, and the choices that lead to it.
private struct FitTable {
    private static let unreachable = Int.max

    private let pipelines: Int
    private let nodes: Int
    /// Cost of a node that changes its group, more than that of changing all groups.
    private let moveWeight: Int
    private var cost: [Int]
    /// For each group so far, the size chosen at each (p, n).
    private var choices: [[Int32]] = []
    /// The size of the last further pipeline at each (p, n), or 0.
    private var extra: [Int32]

    init(pipelines: Int, nodes: Int, moveWeight: Int) {
        self.pipelines = pipelines
        self.nodes = nodes
        self.moveWeight = moveWeight
        cost = [Int](repeating: Self.unreachable, count: (pipelines + 1) * (nodes + 1))
        extra = [Int32](repeating: 0, count: cost.count)
        cost[0] = 0
    }

    private func place(_ count: Int, _ used: Int) -> Int { count * (nodes + 1) + used }

    /// Brings one more group to one of the sizes, or dissolves it.
    mutating func append(group: Int, sizes: [Int]) {
        var next = [Int](repeating: Self.unreachable, count: cost.count)
        var choice = [Int32](repeating: 0, count: cost.count)
        for count in 0...pipelines {
            for used in 0...nodes where cost[place(count, used)] != Self.unreachable {
                let base = cost[place(count, used)]
                if base + 1 < next[place(count, used)] {
                    next[place(count, used)] = base + 1
                    choice[place(count, used)] = 0
                }
                for size in sizes where count < pipelines && used + size <= nodes {
                    let there = place(count + 1, used + size)
                    let moves = max(0, size - group) * moveWeight + (size == group ? 0 : 1)
                    if base + moves < next[there] {
                        next[there] = base + moves
                        choice[there] = Int32(size)
                    }
                }
            }
        }
        cost = next
        choices.append(choice)
    }

    /// Allows further pipelines, made of nodes that no group keeps.
    mutating func extend(sizes: [Int]) {
        for count in stride(from: 1, through: pipelines, by: 1) {
            for used in 0...nodes {
                for size in sizes where size <= used {
                    let base = cost[place(count - 1, used - size)]
                    guard base != Self.unreachable else { continue }
                    if base + size * moveWeight < cost[place(count, used)] {
                        cost[place(count, used)] = base + size * moveWeight
                        extra[place(count, used)] = Int32(size)
                    }
                }
            }
        }
    }

    /// The choices with the most nodes used and the least cost.
    func best() -> (groups: [Int], extra: [Int]) {
        var used = nodes
        var count = 0
        while used > 0 {
            let reachable = (1...pipelines).filter { cost[place($0, used)] != Self.unreachable }
            let least = reachable.min {
                (cost[place($0, used)], -$0) < (cost[place($1, used)], -$1)
            }
            if let least {
                count = least
                break
            }
            used -= 1
        }
        var further: [Int] = []
        while extra[place(count, used)] > 0 {
            let size = Int(extra[place(count, used)])
            further.append(size)
            count -= 1
            used -= size
        }
        var groups: [Int] = []
        for choice in choices.reversed() {
            let size = Int(choice[place(count, used)])
            groups.append(size)
            count -= size > 0 ? 1 : 0
            used -= size
        }
        return (groups.reversed(), further)
    }
}
