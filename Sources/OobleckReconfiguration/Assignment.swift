/// What it costs to put a node on a slot, compared in order of the fields.
struct SlotCost: Comparable, AdditiveArithmetic {
    /// Bytes of state to copy.
    var bytes = 0
    /// Layers to copy.
    var layers = 0
    /// Whether the node leaves the pipeline it was in.
    var moves = 0
    /// How far the order of nodes is from the order of slots; makes the choice unique.
    var disorder = 0

    static let zero = SlotCost()
    /// More than any sum of real costs.
    static let unreachable = SlotCost(bytes: .max / 4)

    static func < (left: SlotCost, right: SlotCost) -> Bool {
        (left.bytes, left.layers, left.moves, left.disorder)
            < (right.bytes, right.layers, right.moves, right.disorder)
    }

    static func + (left: SlotCost, right: SlotCost) -> SlotCost {
        SlotCost(
            bytes: left.bytes + right.bytes,
            layers: left.layers + right.layers,
            moves: left.moves + right.moves,
            disorder: left.disorder + right.disorder
        )
    }

    static func - (left: SlotCost, right: SlotCost) -> SlotCost {
        SlotCost(
            bytes: left.bytes - right.bytes,
            layers: left.layers - right.layers,
            moves: left.moves - right.moves,
            disorder: left.disorder - right.disorder
        )
    }
}

/// The cheapest one-to-one assignment of rows to columns of a square matrix: for each row its
/// column.
///
/// The Hungarian method with potentials (Kuhn 1955, Munkres 1957), O(n^3).
func cheapestAssignment(_ cost: [[SlotCost]]) -> [Int] {
    let count = cost.count
    // Rows and columns are counted from one; column 0 holds the row that is being placed.
    var rowPotential = [SlotCost](repeating: .zero, count: count + 1)
    var columnPotential = rowPotential
    var rowOfColumn = [Int](repeating: 0, count: count + 1)
    for row in stride(from: 1, through: count, by: 1) {
        var previous = [Int](repeating: 0, count: count + 1)
        var slack = [SlotCost](repeating: .unreachable, count: count + 1)
        var isVisited = [Bool](repeating: false, count: count + 1)
        rowOfColumn[0] = row
        var column = 0
        // Grows a tree of tight edges until it reaches a free column: at most `count` rounds.
        repeat {
            isVisited[column] = true
            let current = rowOfColumn[column]
            var step = SlotCost.unreachable
            var nextColumn = 0
            for other in 1...count where !isVisited[other] {
                let reduced =
                    cost[current - 1][other - 1] - rowPotential[current] - columnPotential[other]
                if reduced < slack[other] {
                    slack[other] = reduced
                    previous[other] = column
                }
                if slack[other] < step {
                    step = slack[other]
                    nextColumn = other
                }
            }
            for other in 0...count {
                if isVisited[other] {
                    rowPotential[rowOfColumn[other]] += step
                    columnPotential[other] -= step
                } else {
                    slack[other] -= step
                }
            }
            column = nextColumn
        } while rowOfColumn[column] != 0
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
