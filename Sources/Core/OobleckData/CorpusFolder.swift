import Foundation
import OobleckCore

/// A directory as a corpus: which of its files are read, in which order, and which are left out.
struct CorpusFolder {
    /// Names of left-out files that are told; the others are counted.
    private static let mostNames = 5

    /// Paths of the files to read, in the order of the bytes of their names.
    ///
    /// They are in the directory itself and end in `.txt`. Hidden files and directories are left out.
    let texts: [String]
    let notes: [String]

    /// Throws `.inputData` when no file of the directory is to be read.
    init(path: String) throws {
        var texts: [String] = []
        var others: [String] = []
        for name in try Self.names(inDirectory: path) {
            let file = path + "/" + name
            if try Self.isDirectory(file) {
                others.append(name + "/")
            } else if name.lowercased().hasSuffix(".txt"), !name.hasPrefix(".") {
                texts.append(file)
            } else if !name.hasSuffix(KeptSummary.ending) {
                others.append(name)
            }
        }
        let leftOut = Self.list(others)
        guard !texts.isEmpty else {
            throw OobleckError(
                .inputData,
                "the corpus directory \(path) has no .txt files"
                    + (others.isEmpty ? "; it needs at least one" : ", only \(leftOut)")
            )
        }
        self.texts = texts
        let files = "\(texts.count) file" + (texts.count == 1 ? "" : "s")
        notes =
            others.isEmpty
            ? []
            : [
                "corpus \(path): read \(files) whose names end in .txt; left out \(leftOut)"
            ]
    }

    private static func list(_ names: [String]) -> String {
        let shown = names.prefix(mostNames).joined(separator: ", ")
        let rest = names.count - mostNames
        return rest > 0 ? "\(shown) and \(rest) more" : shown
    }

    private static func names(inDirectory path: String) throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path)
                .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        } catch {
            throw OobleckError(
                .inputData,
                "cannot list the corpus directory \(path): \(error.localizedDescription)"
            )
        }
    }

    /// Whether this is a directory or a link to one; what cannot be examined is refused when read.
    private static func isDirectory(_ path: String) throws -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
