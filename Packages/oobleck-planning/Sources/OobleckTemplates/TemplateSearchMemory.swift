/// Which states some division fits the memory from: by devices to go and first layer, the set of
/// the counts of stages to go.
///
/// Counting from the end, so the table for more nodes only adds to that for fewer.
/// O(D L) states for D devices and L layers, O(L log G) steps of L / 64 words each.
struct SearchMemory {
    private let stages: SearchStages
    private let wordCount: Int
    /// The sets as bits, by devices to go, first layer and word.
    private var sets: [UInt64]
    private var nodes = 0

    init(stages: SearchStages) {
        self.stages = stages
        wordCount = stages.layerCount / 64 + 1
        sets = [UInt64](repeating: 0, count: (stages.layerCount + 1) * wordCount)
        sets[stages.layerCount * wordCount] = 1
    }

    /// A division over `nodes` nodes that fits, or `nil` if there is none.
    mutating func division(nodes: Int, count: inout SearchCount) -> [SearchChoice]? {
        extend(to: nodes, count: &count)
        let devices = nodes * stages.devicesPerNode
        guard
            let stageCount = (1...stages.layerCount).first(where: { contains($0, 0, devices) })
        else { return nil }
        var division: [SearchChoice] = []
        var (first, devicesLeft) = (0, devices)
        for stagesLeft in stride(from: stageCount, to: 0, by: -1) {
            let choice = choice(stagesLeft, first, devicesLeft)
            division.append(choice)
            first = choice.end
            devicesLeft -= stages.widths[choice.widthIndex]
        }
        return division
    }

    private func contains(_ stagesLeft: Int, _ first: Int, _ devicesLeft: Int) -> Bool {
        let word = (devicesLeft * (stages.layerCount + 1) + first) * wordCount + stagesLeft / 64
        return sets[word] & (1 << UInt64(stagesLeft % 64)) != 0
    }

    private func room(_ devicesLeft: Int) -> Int {
        let rest = devicesLeft % stages.devicesPerNode
        return rest == 0 ? stages.devicesPerNode : rest
    }

    private func most(_ widthIndex: Int, _ first: Int, _ end: Int) -> Int {
        Int(stages.mostInFlight?[stages.row(widthIndex, first) + end] ?? .max)
    }

    private mutating func extend(to nodes: Int, count: inout SearchCount) {
        let rowSize = (stages.layerCount + 1) * wordCount
        while self.nodes < nodes {
            self.nodes += 1
            sets += [UInt64](repeating: 0, count: stages.devicesPerNode * rowSize)
            let greatest = self.nodes * stages.devicesPerNode
            for devicesLeft in (greatest - stages.devicesPerNode + 1)...greatest {
                for first in 0...max(0, stages.layerCount - self.nodes) {
                    count.states += 1
                    fill(first, devicesLeft, count: &count)
                }
            }
        }
    }

    private mutating func fill(_ first: Int, _ devicesLeft: Int, count: inout SearchCount) {
        let here = (devicesLeft * (stages.layerCount + 1) + first) * wordCount
        guard first < stages.layerCount else { return }
        for (widthIndex, width) in stages.widths.enumerated() where width <= room(devicesLeft) {
            for end in (first + 1)...stages.layerCount {
                let most = most(widthIndex, first, end)
                // Every node to go has a stage.
                guard most >= nodes else { break }
                count.steps += 1
                let nextRow = (devicesLeft - width) * (stages.layerCount + 1)
                let next = (nextRow + end) * wordCount
                var carry: UInt64 = 0
                for word in 0..<wordCount {
                    let shifted = sets[next + word] << 1 | carry
                    carry = sets[next + word] >> 63
                    sets[here + word] |= shifted & Self.mask(word, most: most)
                }
            }
        }
    }

    /// The bits of the word that stand for counts up to `most`.
    private static func mask(_ word: Int, most: Int) -> UInt64 {
        let bits = most - 64 * word + 1
        if bits >= 64 { return .max }
        return bits <= 0 ? 0 : (1 << UInt64(bits)) - 1
    }

    /// A stage from which the rest still fits.
    private func choice(_ stagesLeft: Int, _ first: Int, _ devicesLeft: Int) -> SearchChoice {
        for (widthIndex, width) in stages.widths.enumerated() where width <= room(devicesLeft) {
            for end in (first + 1)...stages.layerCount {
                guard most(widthIndex, first, end) >= stagesLeft else { break }
                if contains(stagesLeft - 1, end, devicesLeft - width) {
                    return SearchChoice(end: end, widthIndex: widthIndex)
                }
            }
        }
        preconditionFailure("every count in a set comes from a stage")
    }
}
