import OobleckReconfiguration
public import OobleckValues

extension PlanDocument {
    /// The layers to copy for people, after an empty line; empty when there are none.
    public var transferTable: String {
        guard !transfers.isEmpty else { return "" }
        let rows = copyRows.map { row in
            let cells = [(row.layers, 8), (row.from, 4), (row.to, 4), (row.bytes, 10)]
            return cells.map { text, width in
                String(repeating: " ", count: max(0, width - text.count)) + text
            }
            .joined(separator: "  ")
        }
        return "\n\n" + rows.joined(separator: "\n")
    }
}
