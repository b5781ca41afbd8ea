import Foundation
import OobleckCore

/// Opens a corpus by the kind of its files.
///
/// One rule for each kind, by name and content: a Megatron-LM data set by its `.idx` file, named or
/// beside the `.bin` file that is; a NumPy array by its first bytes; a name that ends in `.bin` is
/// token ids; a directory is its own `.txt` files; everything else is text. The case of letters in an
/// ending does not matter.
struct CorpusFiles {
    let tokens: TokenSequence
    let summary: TokenSummary
    /// The files that were ignored, for people.
    let notes: [String]
    let isText: Bool

    /// Throws `.inputData` with one line that names the file.
    init(path: String, tokenBytes: Int?, vocabulary: Int, look: FirstLook) throws {
        if try Self.isDirectory(path) {
            try Self.refuse(tokenBytes, "the directory \(path) is read as text")
            try self.init(directory: path, look)
            return
        }
        func summary(_ tokens: TokenSequence) throws -> TokenSummary {
            try KeptSummary.summary(of: tokens, keeps: look.keepsSummary) {
                try TokenSummary(reading: tokens, path: path, look)
            }
        }
        let file = try MappedFile(path)
        if let set = try MegatronFiles(file) {
            try Self.refuse(
                tokenBytes,
                "the Megatron index \(set.indexPath) says how wide the ids are"
            )
            try self.init(
                identifiers: set.tokens,
                set.summary(look),
                set.dataPath,
                vocabulary
            )
        } else if NumpyArray.isOne(file) {
            try Self.refuse(
                tokenBytes,
                "\(path) is a NumPy array, which says itself how wide it is"
            )
            let tokens = try NumpyArray(file).tokens
            try self.init(identifiers: tokens, summary(tokens), path, vocabulary)
        } else if path.lowercased().hasSuffix(".npy") {
            throw OobleckError(.inputData, "\(path) is not a NumPy array: it has no such header")
        } else if path.lowercased().hasSuffix(".bin") {
            let ids = try TokenIdentifiers(
                file,
                tokenBytes: tokenBytes,
                look: look
            )
            try self.init(identifiers: ids.tokens, ids.summary, path, vocabulary)
        } else {
            try Self.refuse(tokenBytes, "\(path) is read as text; a file of token ids ends in .bin")
            let text = try CorpusText(.file(file), path: path)
            self.init(text: text.tokens, try summary(text.tokens), text.notes)
        }
    }

    private init(
        identifiers tokens: TokenSequence,
        _ summary: TokenSummary,
        _ path: String,
        _ vocabulary: Int
    ) throws {
        try summary.requireInside(vocabulary: vocabulary, tokens, path: path)
        self.tokens = tokens
        self.summary = summary
        notes = []
        isText = false
    }

    private init(text tokens: TokenSequence, _ summary: TokenSummary, _ notes: [String]) {
        self.tokens = tokens
        self.summary = summary
        self.notes = notes
        isText = true
    }

    /// Joins the texts of a directory in memory.
    private init(directory path: String, _ look: FirstLook) throws {
        let folder = try CorpusFolder(path: path)
        var bytes: [UInt8] = []
        var notes = folder.notes
        for file in folder.texts {
            let text = try CorpusText(.memory(try Self.wholeFile(file)), path: file)
            try TextCheck.all(text.tokens, path: file)
            text.tokens.withBytes(of: 0..<text.tokens.count) { bytes += $0 }
            notes += text.notes
        }
        // Each text has been checked on its own.
        let tokens = TokenSequence(.memory(bytes), type: .uint8)
        self.init(text: tokens, try TokenSummary(reading: tokens, path: path, look), notes)
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
                    + "UTF-8 text file, a directory of .txt files, or a .bin or .npy file of token ids"
            )
        }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// The texts of a directory are held in memory.
    private static func wholeFile(_ path: String) throws -> [UInt8] {
        let memory = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
        return try InputFile.bytes(
            path,
            atMost: memory > 0 ? memory / 2 : Int.max,
            because: "the texts of a directory are held in memory; this is half of the machine's"
        )
    }
}
