import Foundation
import OobleckCore

/// How a corpus gets off the disk.
enum CorpusFiles {
    static func isDirectory(_ path: String) throws -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw OobleckError(
                .inputData,
                "cannot read the corpus \(path): \(systemReason()); name a UTF-8 text file, a "
                    + "directory of .txt files, or a .bin file of 16-bit token ids"
            )
        }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// The bytes of a text file, or of all texts of a directory in the order of their names.
    static func text(_ path: String) throws -> [UInt8] {
        guard try isDirectory(path) else { return try textFile(path) }
        var bytes: [UInt8] = []
        var fileCount = 0
        for name in try names(inDirectory: path) where name.hasSuffix(".txt") {
            let file = path + "/" + name
            guard try isRegular(file) else { continue }
            bytes += try textFile(file)
            fileCount += 1
        }
        guard fileCount > 0 else {
            throw OobleckError(
                .inputData,
                "the corpus directory \(path) has no .txt files; it needs at least one"
            )
        }
        return bytes
    }

    /// The numbers of a file of little-endian 16-bit token ids, as nanoGPT writes it.
    static func identifiers(_ path: String) throws -> [UInt16] {
        let bytes = try wholeFile(path)
        guard bytes.count.isMultiple(of: 2) else {
            throw OobleckError(
                .inputData,
                "\(path) has \(bytes.count) bytes; token ids take two bytes each"
            )
        }
        return bytes.withUnsafeBytes { raw in
            (0..<raw.count / 2).map {
                UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self))
            }
        }
    }

    private static func textFile(_ path: String) throws -> [UInt8] {
        let bytes = try wholeFile(path)
        if let offset = firstInvalidUTF8(bytes) {
            throw OobleckError(
                .inputData,
                "\(path) is not UTF-8 text: byte \(offset) is invalid; convert it, or give token "
                    + "ids as a .bin file"
            )
        }
        return bytes
    }

    private static func wholeFile(_ path: String) throws -> [UInt8] {
        let file = try OpenFile(path, for: .readInput)
        return try file.read(at: 0, count: try file.regularSize())
    }

    private static func isRegular(_ path: String) throws -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw OobleckError(.inputData, "cannot read \(path): \(systemReason())")
        }
        return status.st_mode & S_IFMT == S_IFREG
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

    private static func firstInvalidUTF8(_ bytes: [UInt8]) -> Int? {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes.span)
            return nil
        } catch {
            return error.byteOffsets.lowerBound
        }
    }
}
