/// Rows of cells under titles, laid out for the width there is.
///
/// Columns are two spaces apart and as wide as their widest cell. Where the width does not do, the last
/// column is folded if it holds text, and columns of numbers are one space apart; where that does not
/// do either, each row becomes a paragraph with a line for each cell.
public struct TextTable: Sendable {
    /// One column.
    public struct Column: Sendable {
        /// Where cells stand.
        public enum Alignment: Sendable {
            case left
            case right
        }

        /// The heading.
        public var title: String
        /// Where cells stand below it.
        public var alignment: Alignment

        /// A column with this heading.
        public init(_ title: String, _ alignment: Alignment = .left) {
            self.title = title
            self.alignment = alignment
        }
    }

    /// Columns that a folded last column has at least.
    private static let leastFolded = 12

    private let columns: [Column]
    private var rows: [[String]] = []

    /// An empty table with these columns.
    public init(_ columns: [Column]) { self.columns = columns }

    /// Adds a row; cells that are left out at its end are empty.
    public mutating func append(_ cells: [String]) {
        precondition(cells.count <= columns.count, "\(cells.count) cells, \(columns.count) columns")
        rows.append(cells + Array(repeating: "", count: columns.count - cells.count))
    }

    /// The lines, none wider than `limit` if that is possible.
    public func lines(limit: Int?) -> [String] {
        let widths = columns.indices.map { column in
            rows.reduce(columns[column].title.columns) { max($0, $1[column].columns) }
        }
        func head(_ gap: Int) -> Int { widths.dropLast().reduce(0) { $0 + $1 + gap } }
        let isText = columns.last?.alignment == .left
        let last = widths.last ?? 0
        let all = [columns.map(\.title)] + rows
        guard let limit, head(2) + last > limit else {
            return all.flatMap { row($0, widths, gap: 2, limit: nil) }
        }
        if isText, head(2) + Self.leastFolded <= limit {
            return all.flatMap { row($0, widths, gap: 2, limit: limit) }
        }
        if head(1) + last <= limit { return all.flatMap { row($0, widths, gap: 1, limit: nil) } }
        return paragraphs(limit)
    }

    private func row(_ cells: [String], _ widths: [Int], gap: Int, limit: Int?) -> [String] {
        var line = ""
        for column in columns.indices.dropLast() {
            line +=
                columns[column].alignment == .left
                ? cells[column].padded(to: widths[column])
                : cells[column].aligned(to: widths[column])
            line += String(repeating: " ", count: gap)
        }
        guard let last = cells.last, let width = widths.last else { return [] }
        guard columns.last?.alignment == .left else { return [line + last.aligned(to: width)] }
        guard let limit else { return [Self.trimmed(line + last)] }
        let margin = String(repeating: " ", count: line.columns)
        let folded = last.folded(limit: limit - line.columns, indent: 0)
        return folded.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .map { Self.trimmed(($0 == 0 ? line : margin) + $1) }
    }

    /// Each row by itself, its cells under each other, empty ones left out.
    private func paragraphs(_ limit: Int) -> [String] {
        rows.flatMap { cells -> [String] in
            let first = [columns[0].title, cells[0]].filter { !$0.isEmpty }.joined(separator: " ")
            let rest = columns.indices.dropFirst().filter { !cells[$0].isEmpty }
                .map { column in
                    let title = columns[column].title
                    let text = title.isEmpty ? cells[column] : "\(title): \(cells[column])"
                    return "  \(text)".folded(limit: limit, indent: 4)
                }
            return [first.folded(limit: limit)] + rest
        }
    }

    private static func trimmed(_ line: String) -> String {
        var line = line
        while line.last == " " { line.removeLast() }
        return line
    }
}
