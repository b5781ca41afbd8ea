/// Nodes in pipelines of one size, and those that are left over.
///
/// A seat is a position in a pipeline: number pipeline x depth + position. Changes cost as much as
/// seats change, not as many as there are.
struct PipelineGrid: Sendable {
    private static let nobody = -1

    /// Nodes of one pipeline.
    let depth: Int
    /// The most pipelines there may be.
    let mostPipelines: Int
    /// How many pipelines there are.
    private(set) var pipelines = 0
    /// Nodes without a seat.
    private(set) var spare: NodeSet
    /// Seats without a node.
    private(set) var holes = NodeSet()
    private var nodes: [Int] = []
    private var seats: [Int] = []
    private var holesByPosition: [Int]

    /// As many pipelines as these nodes fill, lowest numbers first.
    init(depth: Int, mostPipelines: Int, nodes: NodeSet, reserve: Int = 0) {
        self.depth = depth
        self.mostPipelines = mostPipelines
        spare = nodes
        holesByPosition = Array(repeating: 0, count: depth)
        addPipelines(reserve: reserve)
    }

    /// Whether a node has a seat.
    func isSeated(_ node: Int) -> Bool { node < seats.count && seats[node] != Self.nobody }

    /// Adds nodes without work.
    mutating func add(_ nodes: [Int]) {
        for node in nodes where !isSeated(node) { spare.insert(node) }
    }

    /// Takes out a node without work.
    mutating func removeSpare(_ node: Int) { spare.remove(node) }

    /// Makes pipelines of spare nodes, but for a reserve; how many.
    @discardableResult
    mutating func addPipelines(reserve: Int = 0) -> Int {
        let usable = pipelines > 0 ? spare.count - reserve : spare.count
        let most = min(mostPipelines - pipelines, max(0, usable) / depth)
        guard most > 0 else { return 0 }
        // The first pipeline is worth more than the reserve.
        let wanted =
            pipelines == 0 && reserve > 0 ? max(1, (spare.count - reserve) / depth) : most
        let added = min(most, wanted)
        for node in spare.lowest(added * depth) {
            spare.remove(node)
            nodes.append(Self.nobody)
            seat(node, at: nodes.count - 1)
        }
        pipelines += added
        return added
    }

    /// Takes out a node that is lost; whether it leaves a hole.
    mutating func lose(_ node: Int) -> Bool {
        guard isSeated(node) else {
            spare.remove(node)
            return false
        }
        let seat = seats[node]
        seats[node] = Self.nobody
        nodes[seat] = Self.nobody
        addHole(seat)
        return true
    }

    /// Seats a spare node where this one sat, which is neither from then on; whether there was one.
    mutating func replace(_ node: Int) -> Bool {
        guard isSeated(node), !spare.isEmpty else { return false }
        let seat = seats[node]
        return lose(node) && fill(seat)
    }

    /// Puts the lowest spare node into a hole; whether there was one.
    mutating func fill(_ hole: Int) -> Bool {
        guard let node = spare.first else { return false }
        spare.remove(node)
        removeHole(hole)
        seat(node, at: hole)
        return true
    }

    /// Puts spare nodes into the holes, the lowest first; how many.
    mutating func fillHoles() -> Int {
        guard !holes.isEmpty, !spare.isEmpty else { return 0 }
        var filled = 0
        for hole in holes.lowest(spare.count) where fill(hole) { filled += 1 }
        return filled
    }

    /// Moves nodes from positions with fewer holes to those with more until all have as many, one
    /// more at most; how many nodes moved.
    mutating func spreadHoles() -> Int {
        var moved = 0
        while let most = holesByPosition.max(), let fewest = holesByPosition.min(),
            most > fewest + 1, let crowded = holesByPosition.firstIndex(of: most),
            let hole = holes.all.first(where: { $0 % depth == crowded }),
            let origin = lowestNode(of: holesByPosition.firstIndex(of: fewest) ?? 0)
        {
            let node = nodes[origin]
            nodes[origin] = Self.nobody
            addHole(origin)
            removeHole(hole)
            seat(node, at: hole)
            moved += 1
        }
        return moved
    }

    /// The first seat of a position that has a node.
    private func lowestNode(of position: Int) -> Int? {
        stride(from: position, to: pipelines * depth, by: depth).first { nodes[$0] != Self.nobody }
    }

    /// Gives up all pipelines with holes, whose other nodes become spare.
    mutating func dropBroken() {
        guard !holes.isEmpty else { return }
        var last = -1
        // The last first, so that those that take a number are whole.
        for hole in holes.all.reversed() where hole / depth != last {
            last = hole / depth
            drop(last)
        }
    }

    /// Gives up one pipeline; the last takes its number.
    mutating func drop(_ index: Int) {
        pipelines -= 1
        for position in 0..<depth {
            let (seat, other) = (index * depth + position, pipelines * depth + position)
            if nodes[seat] == Self.nobody {
                removeHole(seat)
            } else {
                seats[nodes[seat]] = Self.nobody
                spare.insert(nodes[seat])
            }
            guard other != seat else { continue }
            if nodes[other] == Self.nobody {
                removeHole(other)
                nodes[seat] = Self.nobody
                addHole(seat)
            } else {
                self.seat(nodes[other], at: seat)
            }
        }
        nodes.removeLast(depth)
    }

    /// Pipelines that miss two neighbours, the last being before the first; descending.
    var pipelinesWithHoleBesideHole: [Int] {
        guard holes.count > 0 else { return [] }
        var found: [Int] = []
        for hole in holes.all.reversed() where found.last != hole / depth {
            let pipeline = hole / depth
            let next = pipeline * depth + (hole % depth + 1) % depth
            if holes.contains(next) { found.append(pipeline) }
        }
        return found
    }

    /// Whether a position has no node in any pipeline.
    var hasLostPosition: Bool { mostHolesAtOnePosition == pipelines }

    /// The most holes that any position has.
    var mostHolesAtOnePosition: Int { holes.isEmpty ? 0 : holesByPosition.max() ?? 0 }

    private mutating func seat(_ node: Int, at seat: Int) {
        while node >= seats.count { seats.append(Self.nobody) }
        nodes[seat] = node
        seats[node] = seat
    }

    private mutating func addHole(_ seat: Int) {
        holes.insert(seat)
        holesByPosition[seat % depth] += 1
    }

    private mutating func removeHole(_ seat: Int) {
        if holes.remove(seat) { holesByPosition[seat % depth] -= 1 }
    }
}
