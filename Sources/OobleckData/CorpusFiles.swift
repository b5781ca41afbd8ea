import Foundation
import OobleckCore

/// How a corpus gets off the disk.
///
/// One rule for each kind, by name and content: a NumPy array by its first bytes; a name that ends in
/// `.bin` is token ids; a directory is its own `.txt` files; everything else is text. The case of
/// letters in an ending does not matter.
struct CorpusFiles {
    enum Content {
        case text([UInt8])
        case identifiers([UInt16])
    }

    let content: Content
    /// What was passed over or left out, for people.
    let notes: [String]

    /// Throws `.inputData` with one line that names the file.
    init(path: String, tokenBytes: Int?, vocabulary: Int) throws {
        if try Self.isDirectory(path) {
            try Self.refuse(tokenBytes, "the directory \(path) is read as text")
            let folder = try CorpusFolder(path: path)
            var bytes: [UInt8] = []
            var notes = folder.notes
            for file in folder.texts {
                let text = try CorpusText(try Self.wholeFile(file), path: file)
                bytes += text.bytes
                notes += text.notes
            }
            self.init(content: .text(bytes), notes: notes)
            return
        }
        let bytes = try Self.wholeFile(path)
        if NumpyArray.isOne(bytes) {
            try Self.refuse(
                tokenBytes,
                "\(path) is a NumPy array, which says itself how wide it is"
            )
            let array = try NumpyArray(bytes, path: path, vocabulary: vocabulary)
            self.init(content: .identifiers(array.identifiers), notes: [])
        } else if path.lowercased().hasSuffix(".npy") {
            throw OobleckError(.inputData, "\(path) is not a NumPy array: it has no such header")
        } else if path.lowercased().hasSuffix(".bin") {
            let tokens = try TokenIdentifiers(
                bytes,
                path: path,
                tokenBytes: tokenBytes,
                vocabulary: vocabulary
            )
            self.init(content: .identifiers(tokens.values), notes: [])
        } else {
            try Self.refuse(tokenBytes, "\(path) is read as text; a file of token ids ends in .bin")
            let text = try CorpusText(bytes, path: path)
            self.init(content: .text(text.bytes), notes: text.notes)
        }
    }

    private init(content: Content, notes: [String]) {
        self.content = content
        self.notes = notes
    }

    private static func refuse(_ tokenBytes: Int?, _ reason: String) throws {
        guard let tokenBytes else { return }
        throw OobleckError(
            .inputData,
            "data.token_bytes is \(tokenBytes), but \(reason); leave it out"
        )
    }

    private static func isDirectory(_ path: String) throws -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw OobleckError(
                .inputData,
                "cannot read the corpus: \(FileObstacle.opening(path, reason: errno)); name a "
                    + "UTF-8 text file, a directory of .txt files, or a .bin file of 16-bit token ids"
            )
        }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// A corpus is held in memory as a whole.
    private static func wholeFile(_ path: String) throws -> [UInt8] {
        let memory = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
        return try InputFile.bytes(
            path,
            atMost: memory > 0 ? memory / 2 : Int.max,
            because: "a corpus is held in memory, and this is half of the machine's"
        )
    }
}
