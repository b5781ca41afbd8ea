import OobleckReconfiguration
import OobleckSeeds
import OobleckValues
import Testing

@Suite(.timeLimit(.minutes(10))) struct PublishedPolicyPropertyTests {
    /// Pipelines, what happens to them, and the sizes of templates.
    private struct Case {
        let sizes: [Int]
        let pipelines: [[NodeID]]
        let lost: Set<NodeID>
        let joined: [NodeID]

        init(_ seed: Seed, isConsecutive: Bool, mostJoins: Int) {
            var random = SeededGenerator(seed)
            let minimum = Int.random(in: 1...4, using: &random)
            var sizes = Array(minimum...Int.random(in: minimum...2 * minimum + 3, using: &random))
            if isConsecutive {
                sizes = Array(minimum...max(sizes.count + minimum - 1, 2 * minimum - 1))
            } else {
                sizes.removeAll { $0 > minimum && Double.random(in: 0..<1, using: &random) < 0.4 }
            }
            self.sizes = sizes
            let counts = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                sizes[Int.random(in: sizes.indices, using: &random)]
            }
            var numbers = Array(0..<counts.reduce(0, +)).shuffled(using: &random)
            pipelines = counts.map { count in
                defer { numbers.removeFirst(count) }
                return numbers.prefix(count).map { NodeID($0) }
            }
            let share = Double.random(in: 0...1, using: &random)
            lost = Set(
                pipelines.joined().filter { _ in Double.random(in: 0..<1, using: &random) < share }
            )
            joined = (0..<Int.random(in: 0...mostJoins, using: &random)).map { NodeID(100 + $0) }
        }

        var present: [NodeID] { pipelines.joined().filter { !lost.contains($0) } + joined }

        func layout() -> PublishedLayout? {
            PublishedPolicy(templateSizes: sizes)
                .layout(of: pipelines, losing: lost, joining: joined)
        }

        /// The most nodes, up to `total`, that are a sum of sizes.
        func mostEmployed(_ total: Int) -> Int {
            var isSum = [true] + [Bool](repeating: false, count: total)
            for count in stride(from: 1, through: total, by: 1) {
                isSum[count] = sizes.contains { $0 <= count && isSum[count - $0] }
            }
            return isSum.lastIndex(of: true) ?? 0
        }
    }

    @Test(
        "every node has one place in a pipeline with a template, or is idle since none is left",
        arguments: Seed.range(0..<600)
    )
    func everyNode(seed: Seed) {
        let example = Case(seed, isConsecutive: seed.value % 2 == 0, mostJoins: 7)
        let present = example.present
        guard let layout = example.layout() else {
            #expect(present.count < example.sizes[0], "\(seed)")
            return
        }
        #expect(present.count >= example.sizes[0], "\(seed)")
        let placed = layout.pipelines.joined() + layout.idleNodes
        #expect(placed.sorted() == present.sorted(), "\(seed)")
        for pipeline in layout.pipelines {
            #expect(example.sizes.contains(pipeline.count), "\(seed)")
        }
        let employed = layout.pipelines.joined().count
        #expect(employed == example.mostEmployed(present.count), "\(seed)")
        let order = layout.pipelines.map { [$0.count, $0.min()!.rawValue] }
        #expect(order == order.sorted { $0.lexicographicallyPrecedes($1) }, "\(seed)")
    }

    @Test("the same case gives the same pipelines", arguments: Seed.range(0..<100))
    func deterministic(seed: Seed) {
        let example = Case(seed, isConsecutive: false, mostJoins: 4)
        let policy = PublishedPolicy(templateSizes: example.sizes.reversed())
        // A set built in another order and with another capacity iterates differently.
        var lost = Set<NodeID>(minimumCapacity: 1000)
        for node in example.lost.sorted().reversed() { lost.insert(node) }
        let again = policy.layout(
            of: example.pipelines,
            losing: lost,
            joining: example.joined.reversed()
        )
        #expect(again == example.layout(), "\(seed)")
    }

    @Test(
        "a pipeline goes on as long as the others can lend what it lacks",
        arguments: Seed.range(0..<300)
    )
    func lending(seed: Seed) {
        let example = Case(seed, isConsecutive: true, mostJoins: 0)
        guard let layout = example.layout() else { return }
        let alive = example.pipelines.map { $0.filter { !example.lost.contains($0) } }
            .filter { !$0.isEmpty }
        let minimum = example.sizes[0]
        let lacking = alive.reduce(0) { $0 + max(0, minimum - $1.count) }
        let lendable = alive.reduce(0) { $0 + max(0, $1.count - minimum) }
        if lacking <= lendable {
            #expect(layout.pipelines.count == alive.count, "\(seed)")
        } else {
            // All are at n_0 when pipelines are merged: no fewer than that allows.
            let total = alive.joined().count
            #expect(layout.pipelines.count < alive.count, "\(seed)")
            #expect(layout.pipelines.count <= total / minimum, "\(seed)")
        }
        if lacking == 0 {
            #expect(Set(layout.pipelines) == Set(alive), "\(seed)")
        }
        // Only pipelines above n_0 give, and only from their end.
        for pipeline in alive where pipeline.count >= minimum && lacking <= lendable {
            let rest = layout.pipelines.first { $0.contains(pipeline[0]) }!
            #expect(rest == Array(pipeline.prefix(rest.count)), "\(seed)")
        }
    }
}
