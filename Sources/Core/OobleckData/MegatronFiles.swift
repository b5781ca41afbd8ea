import Foundation
import OobleckCore

/// The two files of a Megatron-LM data set: `NAME.idx` and `NAME.bin`.
struct MegatronFiles {
    let tokens: TokenSequence
    private let index: MegatronIndex
    private let data: MappedFile
    let indexPath: String

    var dataPath: String { data.path }

    /// The set that `file` belongs to as its index, or as its tokens with the index beside; `nil`
    /// when it is neither.
    ///
    /// Throws `.inputData` when the index or the other file cannot be read.
    init?(_ file: MappedFile) throws {
        let name = file.path.lowercased()
        if name.hasSuffix(".idx"), MegatronIndex.isOne(file) {
            guard let path = Self.sibling(of: file.path, ["bin", "BIN"]) else {
                throw OobleckError(
                    .inputData,
                    "the Megatron index \(file.path) cannot be used: its tokens must be in the file "
                        + "\(file.path.dropLast(3))bin, which does not exist"
                )
            }
            try self.init(indexFile: file, data: MappedFile(path))
        } else if name.hasSuffix(".bin"),
            let path = Self.sibling(of: file.path, ["idx", "IDX"])
        {
            let index = try MappedFile(path)
            guard MegatronIndex.isOne(index) else { return nil }
            try self.init(indexFile: index, data: file)
        } else {
            return nil
        }
    }

    private init(indexFile: MappedFile, data: MappedFile) throws {
        index = try MegatronIndex(indexFile)
        indexPath = indexFile.path
        self.data = data
        tokens = TokenSequence(.file(data), type: index.type)
    }

    /// What the tokens are, after the index was found to fit them.
    ///
    /// Throws `.inputData` when it does not fit.
    func summary(_ look: FirstLook) throws -> TokenSummary {
        let keeps = look.keepsSummary
        return try KeptSummary.summary(of: tokens, index: index.identity, keeps: keeps) {
            try index.check(data)
            return try TokenSummary(reading: tokens, path: dataPath, look)
        }
    }

    /// The regular file of the same name with one of these endings; `nil` if there is none.
    private static func sibling(of path: String, _ endings: [String]) -> String? {
        endings.map { path.dropLast(3) + $0 }.first { candidate in
            var status = stat()
            return stat(candidate, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        }
    }
}
