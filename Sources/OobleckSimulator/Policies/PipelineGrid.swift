import OobleckCore

/// Nodes in pipelines of one size, and those that are left over.
struct PipelineGrid {
    /// Where a node stands.
    struct Place: Hashable {
        let pipeline: Int
        let position: Int
    }

    /// Nodes of one pipeline.
    let depth: Int
    /// The most pipelines there may be.
    let mostPipelines: Int
    /// Each pipeline's nodes by position; `nil` where one is missing.
    private(set) var pipelines: [[Int?]] = []
    private(set) var spare: Set<Int>
    private var places: [Int: Place] = [:]
    private var missing: Set<Place> = []

    /// As many pipelines as these nodes fill, lowest numbers first.
    init(depth: Int, mostPipelines: Int, nodes: [Int], reserve: Int = 0) {
        self.depth = depth
        self.mostPipelines = mostPipelines
        spare = Set(nodes)
        addPipelines(reserve: reserve)
    }

    func place(_ node: Int) -> Place? { places[node] }

    /// Adds nodes without work.
    mutating func add(_ nodes: [Int]) { spare.formUnion(nodes) }

    /// Takes out a node without work.
    mutating func removeSpare(_ node: Int) { spare.remove(node) }

    /// Makes pipelines of spare nodes, but for a reserve; how many.
    @discardableResult
    mutating func addPipelines(reserve: Int = 0) -> Int {
        let count = min(
            mostPipelines - pipelines.count,
            max(0, spare.count - (pipelines.isEmpty ? 0 : reserve)) / depth
        )
        guard count > 0 else { return 0 }
        let wanted =
            pipelines.isEmpty && reserve > 0 ? max(1, (spare.count - reserve) / depth) : count
        let nodes = spare.sorted()
        let added = min(count, wanted)
        for index in 0..<added {
            let members = Array(nodes[index * depth..<(index + 1) * depth])
            for (position, node) in members.enumerated() {
                places[node] = Place(pipeline: pipelines.count, position: position)
            }
            pipelines.append(members.map { $0 })
            spare.subtract(members)
        }
        return added
    }

    /// Leaves a hole where the node stood.
    mutating func empty(_ node: Int) -> Place? {
        guard let place = places.removeValue(forKey: node) else { return nil }
        pipelines[place.pipeline][place.position] = nil
        missing.insert(place)
        return place
    }

    /// Puts the lowest spare node into a hole; whether there was one.
    mutating func fill(_ place: Place) -> Bool {
        guard let node = spare.min() else { return false }
        spare.remove(node)
        missing.remove(place)
        pipelines[place.pipeline][place.position] = node
        places[node] = place
        return true
    }

    /// Gives up all pipelines with holes, whose other nodes become spare; how many.
    @discardableResult
    mutating func dropBroken() -> Int {
        let broken = Set(missing.map(\.pipeline)).sorted(by: >)
        for index in broken { drop(index) }
        return broken.count
    }

    /// Gives up one pipeline; the last takes its number.
    mutating func drop(_ index: Int) {
        for case let node? in pipelines[index] {
            places[node] = nil
            spare.insert(node)
        }
        let moved = pipelines.count - 1
        let last = pipelines.removeLast()
        if !missing.isEmpty {
            // Those of the last pipeline get its new number.
            missing = Set(
                missing.filter { $0.pipeline != index }.map { place in
                    place.pipeline == moved
                        ? Place(pipeline: index, position: place.position) : place
                }
            )
        }
        guard index < pipelines.count else { return }
        pipelines[index] = last
        for (position, node) in last.enumerated() {
            if let node { places[node] = Place(pipeline: index, position: position) }
        }
    }

    /// Holes, by pipeline and position.
    var holes: [Place] {
        missing.sorted { ($0.pipeline, $0.position) < ($1.pipeline, $1.position) }
    }

    /// The most holes that any position has.
    var mostHolesAtOnePosition: Int {
        var counts: [Int: Int] = [:]
        for place in missing { counts[place.position, default: 0] += 1 }
        return counts.values.max() ?? 0
    }
}
