/// A part for the console.
extension ArtifactPart {
    /// The heading line.
    public var headline: String { "\(number). \(title) (paper, \(section))" }

    /// The last line.
    public var ending: String { "part \(number): \(verdict)" }

    /// All blocks but pictures, as lines; `wrapped` breaks sentences.
    ///
    /// Listings and tables keep their lines.
    public func lines(wrapped: (String) -> String) -> [String] {
        blocks.flatMap { block -> [String] in
            switch block {
            case .heading(let text): ["", "-- \(text)"]
            case .paragraph(let text): [wrapped(text)]
            case .listing(let lines): lines.map { "    " + $0 }
            case .table(let table): table.isForPageOnly ? [] : table.lines.map { "    " + $0 }
            case .picture: []
            case .checks(let checks):
                checks.map { wrapped("\($0.isMet ? "ok" : "NOT") \($0.claim): \($0.found)") }
            }
        }
    }
}

extension ArtifactTable {
    /// Aligned lines: words to the left, numbers to the right.
    var lines: [String] {
        let widths = columns.indices.map { column in
            ([columns[column]] + rows.map { $0[column] }).map(\.count).max() ?? 0
        }
        return ([columns] + rows).map { row in
            let cells = row.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return textColumns.contains(column) ? row[column] + space : space + row[column]
            }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }
}
