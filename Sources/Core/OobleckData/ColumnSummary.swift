import Foundation
import OobleckCore

/// What one pass over a model's columns finds.
///
/// It is kept beside the data, so that they are read once and not at every start: as
/// `FILE.oobleck-digest` beside a file, and as `columns.oobleck-digest` in a folder. It is valid for
/// columns of the same names, types and shapes in files of the same size, time and inode.
struct ColumnSummary: Hashable, Sendable, Codable {
    /// A column as it was read.
    struct Column: Hashable, Sendable, Codable {
        let name: String
        let type: String
        let shape: [Int]
        let file: FileIdentity
    }

    /// The token ids of a column.
    struct Tokens: Hashable, Sendable, Codable {
        /// Of all ids that are to be guessed or read; 0 when there is none.
        var least: Int64 = 0
        var greatest: Int64 = 0
        /// Whether some targets are to be ignored.
        var hasIgnored = false

        mutating func add(_ ids: [Int64]) {
            for id in ids {
                if id == TokenMasking.ignored {
                    hasIgnored = true
                } else {
                    (least, greatest) = (min(least, id), max(greatest, id))
                }
            }
        }

        func fits(vocabulary: Int, mayBeIgnored: Bool) -> Bool {
            least >= 0 && greatest < vocabulary && (mayBeIgnored || !hasIgnored)
        }
    }

    private static let version = 1
    private static let mostBytes = 1 << 20

    private var version = Self.version
    let columns: [Column]
    /// SHA-256 over names, types, shapes and bytes of the columns, in alphabetical order.
    let digest: String
    /// Of the columns of token ids, by name.
    private(set) var tokens: [String: Tokens] = [:]

    /// Reads all columns once, which are in alphabetical order.
    ///
    /// Throws ``CancellationError`` as ``FirstLook`` does.
    init(
        reading columns: [DataColumn],
        ofTokens names: Set<String>,
        path: String,
        _ look: FirstLook
    ) throws {
        self.columns = try columns.map(Column.init)
        let size = columns.reduce(0) { $0 + $1.sampleCount * $1.rowBytes }
        var hasher = SHA256Hasher()
        var place = 0
        for column in columns {
            hasher.update("\(column.name) \(column.type.rawValue) \(column.shape)\n")
            var ids = names.contains(column.name) ? Tokens() : nil
            for rows in column.pieces {
                let bytes = try column.bytes(ofRows: rows)
                hasher.update(bytes)
                ids?.add(column.integers(bytes))
                try look.note(path, place..<place + bytes.count, of: size)
                place += bytes.count
            }
            tokens[column.name] = ids
        }
        digest = hasher.hexadecimal
    }

    /// The kept summary of these columns; `nil` when it is absent, damaged or of others.
    static func kept(
        for path: String,
        _ columns: [DataColumn],
        ofTokens names: Set<String>
    ) -> ColumnSummary? {
        do {
            let bytes = try InputFile.bytes(place(for: path), atMost: mostBytes)
            let summary = try JSONDecoder().decode(ColumnSummary.self, from: Data(bytes))
            guard summary.version == version, try summary.columns == columns.map(Column.init),
                names.isSubset(of: summary.tokens.keys), summary.digest.utf8.count == 64,
                summary.digest.allSatisfy(\.isHexDigit)
            else { return nil }
            return summary
        } catch {
            // Absent, or no summary: the columns themselves are read instead.
            return nil
        }
    }

    /// Keeps the summary unless the files have changed meanwhile.
    func keep(for path: String, _ columns: [DataColumn]) {
        do {
            guard try columns.map(Column.init) == self.columns else { return }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
            let bytes = Array(try encoder.encode(self))
            try AtomicFile.write(bytes, to: Self.place(for: path), durably: false)
        } catch {
            // The folder cannot be written to, or is full: the next start reads the data again.
            return
        }
    }

    /// Where the summary of the data at `path` is kept.
    private static func place(for path: String) -> String {
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        return isFolder.boolValue
            ? path + "/columns" + KeptSummary.ending : path + KeptSummary.ending
    }
}

extension ColumnSummary.Column {
    fileprivate init(_ column: DataColumn) throws {
        self.init(
            name: column.name,
            type: column.type.rawValue,
            shape: column.shape,
            file: try column.identity()
        )
    }
}
