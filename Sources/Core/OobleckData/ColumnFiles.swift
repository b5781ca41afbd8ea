import Foundation
import OobleckCore

/// The columns of a job's data, of which each row is a sample.
///
/// They are the tensors of a `.safetensors` file, or those of a folder of `.npy` and `.safetensors` files.
struct ColumnFiles {
    let sampleCount: Int
    private let columns: [String: DataColumn]

    /// Opens the columns that the model takes, and checks that they fit it.
    ///
    /// Throws `.inputData` with file and column.
    init(path: String, model: ModelSpecification) throws {
        let found = try Self.columns(at: path)
        var columns: [String: DataColumn] = [:]
        for tensor in model.imported?.manifest.batch ?? [] where tensor.role == .column {
            let name = tensor.column ?? tensor.name
            guard let column = found[name] else {
                let known = found.keys.sorted().joined(separator: ", ")
                throw OobleckError(
                    .inputData,
                    "\(path) has no column \(name), which the model takes; it has "
                        + (known.isEmpty ? "none" : known)
                )
            }
            try Self.requireFit(column, tensor)
            columns[name] = column
        }
        self.columns = columns
        let counts = columns.values.sorted { $0.name < $1.name }
        guard let first = counts.first, first.sampleCount > 0 else {
            throw OobleckError(.inputData, "\(path) has no sample in the columns of the model")
        }
        if let other = counts.first(where: { $0.sampleCount != first.sampleCount }) {
            throw OobleckError(
                .inputData,
                "\(path): column \(first.name) has \(counted(first.sampleCount, "sample")) and "
                    + "\(other.name) has \(other.sampleCount); they must have as many"
            )
        }
        sampleCount = first.sampleCount
        for tensor in model.imported?.manifest.batch ?? [] {
            guard let vocabulary = model.vocabulary, tensor.isOfTokens,
                let column = columns[tensor.column ?? tensor.name]
            else { continue }
            try Self.requireTokens(
                column,
                vocabulary: vocabulary,
                mayBeIgnored: tensor.isOfTargets
            )
        }
    }

    private static func columns(at path: String) throws -> [String: DataColumn] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw OobleckError(
                .inputData,
                "\(path) is not there; name a .safetensors file, or a folder of .npy files"
            )
        }
        guard isFolder.boolValue else { return try columns(inFile: path) }
        var columns: [String: DataColumn] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: path).sorted() {
            let file = "\(path)/\(name)"
            guard [".npy", ".safetensors"].contains(where: name.lowercased().hasSuffix) else {
                continue
            }
            for (name, column) in try self.columns(inFile: file) {
                if let other = columns.updateValue(column, forKey: name) {
                    throw OobleckError(
                        .inputData,
                        "column \(name) is in \(other.path) and in \(column.path); keep one"
                    )
                }
            }
        }
        return columns
    }

    private static func columns(inFile path: String) throws -> [String: DataColumn] {
        if path.lowercased().hasSuffix(".npy") {
            let column = try NumpyColumn.open(path)
            return [column.name: column]
        }
        let reader = try SafetensorsReader(path)
        return Dictionary(
            uniqueKeysWithValues: reader.header.tensors.map { ($0.name, reader.column($0)) }
        )
    }

    private static func requireFit(
        _ column: DataColumn,
        _ tensor: ImportManifest.BatchTensor
    ) throws {
        let wanted = Array(tensor.shape.dropFirst())
        guard column.fits(tensor.kind), Array(column.shape.dropFirst()) == wanted else {
            throw OobleckError(
                .inputData,
                "\(column.path): column \(column.name) is \(column.type.rawValue) \(column.shape); "
                    + "the model takes \(tensor.kind.rawValue) [samples"
                    + wanted.map { ", \($0)" }.joined() + "]"
            )
        }
    }

    /// Throws `.inputData` for the first token id outside the vocabulary.
    private static func requireTokens(
        _ column: DataColumn,
        vocabulary: Int,
        mayBeIgnored: Bool
    ) throws {
        for rows in column.pieces {
            let ids = column.integers(try column.bytes(ofRows: rows))
            guard
                let place = ids.firstIndex(where: { id in
                    (id < 0 || id >= vocabulary) && !(mayBeIgnored && id == TokenMasking.ignored)
                })
            else { continue }
            let width = ids.count / rows.count
            throw OobleckError(
                .inputData,
                "\(column.path): column \(column.name), sample \(rows.lowerBound + place / width): "
                    + "token \(ids[place]) is outside the vocabulary of \(vocabulary)"
            )
        }
    }

    /// The values of a tensor of the microbatch, for some samples.
    func values(
        of tensor: ImportManifest.BatchTensor,
        rows: [Int]
    ) throws -> BatchValues {
        guard let column = columns[tensor.column ?? tensor.name] else {
            return tensor.ones(rows.count)
        }
        return try column.values(ofRows: rows, as: tensor.kind)
    }

    /// SHA-256 over names, types, shapes and bytes of the columns, in alphabetical order.
    func digest() throws -> String {
        var hasher = SHA256Hasher()
        for (name, column) in columns.sorted(by: { $0.key < $1.key }) {
            hasher.update("\(name) \(column.type.rawValue) \(column.shape)\n")
            for rows in column.pieces { hasher.update(try column.bytes(ofRows: rows)) }
        }
        return hasher.hexadecimal
    }
}

extension DataColumn {
    /// Ranges of samples that are read at once when all are.
    fileprivate var pieces: [Range<Int>] {
        let rows = max(1, (4 << 20) / max(rowBytes, 1))
        return stride(from: 0, to: sampleCount, by: rows).map { $0..<min($0 + rows, sampleCount) }
    }
}

extension ImportManifest.BatchTensor {
    /// Whether its numbers are token ids, as far as shape and name say.
    fileprivate var isOfTokens: Bool {
        kind == .int64 && shape.count == 2 && (name.hasSuffix("input_ids") || isOfTargets)
    }

    /// Whether its token ids are to be guessed, but for those that are ignored.
    fileprivate var isOfTargets: Bool { name == "labels" }
}
