import OobleckCore
import OobleckData
import OobleckText
import Yams

/// Makes a tree of a job's YAML, and says in a person's terms where it is no YAML.
struct JobSyntax {
    private let text: String
    private let file: String

    /// A place in the text, counted from one, columns by Unicode scalars.
    private struct Place {
        let line: Int
        let column: Int

        init(line: Int, column: Int) { (self.line, self.column) = (line, column) }
        init(_ mark: Mark) { self.init(line: mark.line, column: mark.column) }
    }

    /// The most columns that are shown of a line.
    private static let mostShown = 72

    /// Takes a file's text; a byte order mark at its beginning is no part of it.
    init(_ text: String, file: String) {
        let hasMark = text.unicodeScalars.first == "\u{FEFF}"
        self.text = hasMark ? String(text.unicodeScalars.dropFirst()) : text
        self.file = file
    }

    /// The root of the one document; `nil` for a file without any.
    ///
    /// Throws `.inputData` with the place and, as details, the line with a caret below it.
    func root() throws -> Node? {
        do {
            return try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw explained(error)
        } catch {
            throw OobleckError(.inputData, "\(file): not valid YAML: \(oneLine(error))")
        }
    }

    private func explained(_ error: YamlError) -> OobleckError {
        switch error {
        case .scanner(let context, let problem, let mark, _),
            .parser(let context, let problem, let mark, _):
            if let tabbed = tabbedLine(upTo: mark.line) { return tab(tabbed) }
            let start = context.map { " (\($0.text) from line \($0.mark.line))" } ?? ""
            return failure(Place(mark), "not valid YAML: \(problem)\(start)")
        case .composer(_, let problem, let mark, _):
            guard problem.contains("another document") else {
                return failure(Place(mark), "not valid YAML: \(problem)")
            }
            return failure(Place(mark), "a second document begins here; a job is one document")
        case .reader(let problem, let offset, let value, _):
            guard let offset else { break }
            let before = lines(of: String(text.prefix(offset)))
            let column = before.last?.unicodeScalars.count ?? 0
            let hex = String(max(0, value), radix: 16, uppercase: true)
            return failure(
                Place(line: max(1, before.count), column: column + 1),
                "not valid YAML: \(problem) (hexadecimal \(hex))"
            )
        case .duplicatedKeysInMapping(let names, let context):
            return duplicate(names, context.mark)
        default: break
        }
        return OobleckError(.inputData, "\(file): not valid YAML: \(oneLine(error))")
    }

    private func failure(_ mark: Place, _ message: String) -> OobleckError {
        OobleckError(
            .inputData,
            "\(file):\(mark.line):\(mark.column): \(message)",
            details: snippet(mark)
        )
    }

    /// The line of a mark and a caret below its column.
    private func snippet(_ mark: Place) -> [String] {
        let lines = lines(of: text)
        guard lines.indices.contains(mark.line - 1) else { return [] }
        let scalars = Array(lines[mark.line - 1].unicodeScalars)
        let before = scalars.prefix(max(0, mark.column - 1))
        let shown = before.suffix(Self.mostShown / 2)
        let left = Self.string(shown)
        let right = Self.string(scalars.dropFirst(before.count))
        let line = (left + right).prefix(columns: Self.mostShown)
        return [String(line), String(repeating: " ", count: left.columns) + "^"]
    }

    /// The scalars as a text without tabs, whose width differs between terminals.
    private static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars.map { $0 == "\t" ? " " : $0 })
        return String(text)
    }

    // MARK: Tabs

    /// The last line up to the given one whose indentation holds a tab.
    private func tabbedLine(upTo line: Int) -> Int? {
        let lines = lines(of: text).prefix(line)
        let index = lines.lastIndex { line in
            line.prefix { $0 == " " || $0 == "\t" }.contains("\t")
                && line.contains { $0 != " " && $0 != "\t" }
        }
        // A tab far above was no mistake: it stood in a text of several lines.
        return index.flatMap { $0 + 3 > line ? $0 + 1 : nil }
    }

    private func tab(_ line: Int) -> OobleckError {
        let column = lines(of: text)[line - 1].prefix { $0 == " " }.count + 1
        let what = column == 1 ? "starts with a tab" : "has a tab in its indentation"
        return failure(
            Place(line: line, column: column),
            "line \(line) \(what); YAML wants spaces"
        )
    }

    // MARK: Duplicates

    /// Names the lines of keys that stand twice in one mapping; `mark` is where the first one is.
    private func duplicate(_ names: [String], _ mark: Mark) -> OobleckError {
        let name = names.first ?? ""
        let again = lines(of: text).enumerated().dropFirst(mark.line).first { _, line in
            let indent = line.prefix { $0 == " " }.count
            return indent == mark.column - 1 && line.dropFirst(indent).hasPrefix("\(name):")
        }
        guard let again else {
            return failure(
                Place(mark),
                "\(name) stands twice in one mapping; leave one of them out"
            )
        }
        let line = again.offset + 1
        return failure(
            Place(line: line, column: mark.column),
            "\(name) stands twice, also in line \(mark.line); leave one of them out"
        )
    }

    /// The lines as YAML counts them.
    private func lines(of text: String) -> [String] {
        var lines: [String] = []
        var line = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            defer { previous = scalar }
            if scalar == "\n", previous == "\r" { continue }
            switch scalar {
            case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}":
                lines.append(String(line))
                line = String.UnicodeScalarView()
            default: line.append(scalar)
            }
        }
        return lines + [String(line)]
    }
}
