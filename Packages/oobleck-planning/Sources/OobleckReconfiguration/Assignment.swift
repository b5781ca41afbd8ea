/// What it costs to put a node on a slot, compared in order of the fields.
struct SlotCost {
    /// Bytes of state to copy; all of an assignment's sum below 2^62.
    var bytes = 0
    /// Layers to copy; below 2^23 in sum.
    var layers = 0
    /// Whether the node leaves the pipeline it was in; below 2^11 in sum.
    var moves = 0
    /// How far the order of nodes is from the order of slots, which makes the choice unique; below
    /// 2^27 in sum.
    var disorder = 0

    static let zero = SlotCost()

    /// Added where the node has no memory for the slot: more than any assignment without it costs,
    /// in sum for 2^10 nodes still far below what the method takes for unreachable.
    static let forbidden = Int128(1) << 112

    /// The fields as one number: sums and differences of them compare as the fields' sums do.
    var packed: Int128 {
        ((Int128(bytes) << 24 + Int128(layers)) << 12 + Int128(moves)) << 28 + Int128(disorder)
    }
}

/// The cheapest one-to-one assignment of rows to columns of a square matrix: for each row its
/// column.
///
/// The Hungarian method with potentials (Kuhn 1955, Munkres 1957), O(n^3). The costs are those of
/// ``SlotCost/packed``, row by row.
func cheapestAssignment(_ cost: [Int128], count: Int) -> [Int] {
    precondition(cost.count == count * count, "\(cost.count) costs of \(count) rows")
    let unreachable = Int128.max / 4
    // Rows and columns are counted from one; column 0 holds the row that is being placed.
    var rowPotential = [Int128](repeating: 0, count: count + 1)
    var columnPotential = rowPotential
    var rowOfColumn = [Int](repeating: 0, count: count + 1)
    for row in stride(from: 1, through: count, by: 1) {
        var previous = [Int](repeating: 0, count: count + 1)
        var slack = [Int128](repeating: unreachable, count: count + 1)
        // Columns outside of the tree, and those in it with the slack they came in at.
        var outside = Array(1...count)
        var tree: [Int] = []
        var grown: Int128 = 0
        rowOfColumn[0] = row
        var column = 0
        // Grows a tree of tight edges until it reaches a free column: at most `count` rounds.
        repeat {
            tree.append(column)
            let current = rowOfColumn[column]
            let base = (current - 1) * count - 1
            let potential = rowPotential[current] - grown
            var least = unreachable
            var next = 0
            for (index, other) in outside.enumerated() {
                let reduced = cost[base + other] - potential - columnPotential[other]
                if reduced < slack[other] {
                    slack[other] = reduced
                    previous[other] = column
                }
                if slack[other] < least {
                    least = slack[other]
                    next = index
                }
            }
            // What each member's potential still gains is how much the tree grows after it.
            slack[column] = grown
            grown = least
            column = outside.remove(at: next)
        } while rowOfColumn[column] != 0
        for member in tree {
            let gain = grown - slack[member]
            rowPotential[rowOfColumn[member]] += gain
            columnPotential[member] -= gain
        }
        // Moves each row on the path to the next column.
        while column != 0 {
            rowOfColumn[column] = rowOfColumn[previous[column]]
            column = previous[column]
        }
    }
    var columnOfRow = [Int](repeating: 0, count: count)
    for column in stride(from: 1, through: count, by: 1) {
        columnOfRow[rowOfColumn[column] - 1] = column - 1
    }
    return columnOfRow
}
