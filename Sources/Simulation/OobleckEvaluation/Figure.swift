import Foundation
import OobleckFigures

/// A figure of the evaluation: what it says, the picture, and the numbers in it.
public struct Figure: Sendable {
    /// Name of its files.
    public let name: String
    /// What it shows.
    public let title: String
    /// What it says, in a few sentences.
    public let text: String
    /// The picture.
    public let sheet: ChartSheet
    /// The numbers.
    public let table: FigureTable

    /// A figure with all its parts.
    public init(name: String, title: String, text: String, sheet: ChartSheet, table: FigureTable) {
        self.name = name
        self.title = title
        self.text = text
        self.sheet = sheet
        self.table = table
    }

    /// The picture for a wide screen.
    public var svg: String { sheet.svg }
}

/// Numbers of a figure with where they come from.
public struct FigureTable: Sendable {
    /// Names of the columns.
    public let columns: [String]
    /// The rows.
    public let rows: [[String]]

    /// A table.
    public init(columns: [String], rows: [[String]]) {
        self.columns = columns
        self.rows = rows
    }

    /// The table as comma-separated values after lines of provenance.
    public func csv(_ provenance: [String]) -> String {
        let head = provenance.map { "# \($0)" }
        let lines = ([columns] + rows).map { row in
            row.map(Self.field).joined(separator: ",")
        }
        return (head + lines).joined(separator: "\n") + "\n"
    }

    private static func field(_ text: String) -> String {
        guard text.contains(where: { ",\"\n".contains($0) }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }

    /// A number with nine digits.
    static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15
            ? "\(Int(value))" : String(format: "%.9g", value)
    }

    /// A number that may be unknown, such as the margin of one trial: an empty cell.
    static func number(_ value: Double?) -> String { value.map { number($0) } ?? "" }
}
