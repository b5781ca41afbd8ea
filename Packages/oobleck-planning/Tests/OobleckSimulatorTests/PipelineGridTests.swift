import Testing

@testable import OobleckSimulator

/// The sets and the grid that policies keep, against plain ones.
@Suite(.timeLimit(.minutes(10))) struct PipelineGridTests {
    private static func draw(_ seed: Int, _ index: Int, _ most: Int) -> Int {
        Int(CounterRandom(seed: UInt64(seed)).bits(stream: 0, index: index) % UInt64(most))
    }

    @Test("a set of bits is a set", arguments: 0..<20)
    func bits(seed: Int) {
        var (bits, plain) = (NodeSet(capacity: seed % 2 == 0 ? 200 : 0), Set<Int>())
        for index in 0..<300 {
            let number = Self.draw(seed, 2 * index, 200)
            if Self.draw(seed, 2 * index + 1, 3) > 0 {
                #expect(bits.insert(number) == plain.insert(number).inserted)
            } else {
                #expect(bits.remove(number) == (plain.remove(number) != nil))
            }
        }
        let sorted = plain.sorted()
        #expect(bits.count == plain.count)
        #expect(bits.all == sorted)
        #expect(bits.first == sorted.first)
        for most in [0, 1, 63, 64, 65, 500] {
            #expect(bits.lowest(most) == Array(sorted.prefix(most)))
            #expect(bits.dropping(most).all == Array(sorted.dropFirst(most)))
            #expect(bits.dropping(most).count == sorted.dropFirst(most).count)
        }
        var other = NodeSet()
        for number in 0..<100 where number % 3 == 0 { other.insert(number) }
        var rest: [Int] = []
        bits.forEach(notIn: other) { rest.append($0) }
        #expect(rest == sorted.filter { !($0 < 100 && $0 % 3 == 0) })
    }

    /// Pipelines as lists of lists.
    private struct PlainGrid {
        let depth: Int
        let most: Int
        var pipelines: [[Int?]] = []
        var spare: Set<Int> = []

        mutating func addPipelines() {
            while pipelines.count < most, spare.count >= depth {
                let members = Array(spare.sorted().prefix(depth))
                pipelines.append(members)
                spare.subtract(members)
            }
        }

        mutating func lose(_ node: Int) -> Bool {
            spare.remove(node)
            for (index, pipeline) in pipelines.enumerated() {
                guard let position = pipeline.firstIndex(of: node) else { continue }
                pipelines[index][position] = nil
                return true
            }
            return false
        }

        mutating func fillHoles() -> Int {
            var filled = 0
            for (index, pipeline) in pipelines.enumerated() {
                for position in pipeline.indices where pipelines[index][position] == nil {
                    guard let node = spare.min() else { return filled }
                    spare.remove(node)
                    pipelines[index][position] = node
                    filled += 1
                }
            }
            return filled
        }

        mutating func dropBroken() {
            while let broken = pipelines.lastIndex(where: { $0.contains(nil) }) {
                spare.formUnion(pipelines[broken].compactMap { $0 })
                pipelines.swapAt(broken, pipelines.count - 1)
                pipelines.removeLast()
            }
        }

        var mostHoles: Int {
            (0..<depth).map { position in pipelines.count { $0[position] == nil } }.max() ?? 0
        }

        var besides: [Int] {
            pipelines.indices.reversed().filter { index in
                (0..<depth).contains {
                    pipelines[index][$0] == nil && pipelines[index][($0 + 1) % depth] == nil
                }
            }
        }
    }

    @Test("the grid is that of lists of lists, whatever comes and goes", arguments: 0..<40)
    func grid(seed: Int) {
        let (depth, most) = (1 + seed % 5, 2 + seed % 7)
        var plain = PlainGrid(depth: depth, most: most)
        var nodes = NodeSet(capacity: 40)
        for node in 0..<24 {
            nodes.insert(node)
            plain.spare.insert(node)
        }
        plain.addPipelines()
        var grid = PipelineGrid(depth: depth, mostPipelines: most, nodes: nodes)
        for index in 0..<120 {
            let node = Self.draw(seed, 2 * index, 40)
            switch Self.draw(seed, 2 * index + 1, 8) {
            case 0, 1, 2: #expect(grid.lose(node) == plain.lose(node))
            case 3, 4:
                if !plain.pipelines.joined().contains(node) { plain.spare.insert(node) }
                grid.add([node])
            case 5: #expect(grid.fillHoles() == plain.fillHoles())
            case 6:
                grid.dropBroken()
                plain.dropBroken()
            default:
                grid.addPipelines()
                plain.addPipelines()
            }
            #expect(grid.pipelines == plain.pipelines.count)
            #expect(grid.spare.all == plain.spare.sorted())
            #expect(grid.mostHolesAtOnePosition == plain.mostHoles)
            #expect(grid.pipelinesWithHoleBesideHole == plain.besides)
            let seated = Set(plain.pipelines.joined().compactMap { $0 })
            for node in 0..<40 { #expect(grid.isSeated(node) == seated.contains(node)) }
        }
    }

    @Test("holes are spread over the positions, with one move for each", arguments: 0..<40)
    func spread(seed: Int) {
        let depth = 2 + seed % 4
        var nodes = NodeSet(capacity: 40)
        for node in 0..<(5 * depth) { nodes.insert(node) }
        var grid = PipelineGrid(depth: depth, mostPipelines: 5, nodes: nodes)
        // Pipeline p has the nodes from p x depth on: up to four of the first position go, and some.
        var lost = Set((0..<(1 + seed % 4)).map { $0 * depth })
        for index in 0..<(seed % 3) { lost.insert(Self.draw(seed, index, 5 * depth)) }
        let before = (0..<depth).map { position in lost.count { $0 % depth == position } }
        for node in lost {
            let leavesHole = grid.lose(node)
            #expect(leavesHole)
        }
        let even = (lost.count + depth - 1) / depth
        let least = before.reduce(0) { $0 + max(0, $1 - even) }
        let moved = grid.spreadHoles()
        #expect(grid.mostHolesAtOnePosition == even)
        #expect(grid.holes.count == lost.count)
        #expect(moved >= least && moved <= lost.count)
        for node in 0..<(5 * depth) { #expect(grid.isSeated(node) == !lost.contains(node)) }
        let again = grid.spreadHoles()
        #expect(again == 0)
    }
}
