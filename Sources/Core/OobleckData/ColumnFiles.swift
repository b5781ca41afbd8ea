import Foundation
import OobleckCore

/// The columns of a job's data, of which each row is a sample.
///
/// They are the tensors of a `.safetensors` file, or those of a folder of `.npy` and `.safetensors` files.
struct ColumnFiles {
    let sampleCount: Int
    private let columns: [String: DataColumn]
    private let path: String
    /// `nil` before all of it was asked for.
    private let summary: ColumnSummary?

    /// Opens the columns that the model takes, and checks that they fit it.
    ///
    /// Costs one pass, as `look` says, over columns of which no summary is kept; where none is to be kept,
    /// over token ids only. Throws `.inputData` with file and column.
    init(path: String, model: ModelSpecification, look: FirstLook = FirstLook()) throws {
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
        self.path = path
        let counts = Self.sorted(columns)
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
        let ofTokens = (model.imported?.manifest.batch ?? []).filter(\.isOfTokens)
        let names = Set(ofTokens.map { $0.column ?? $0.name }).intersection(columns.keys)
        summary = try Self.summary(path, counts, ofTokens: names, look)
        guard let vocabulary = model.vocabulary else { return }
        for tensor in ofTokens {
            guard let column = columns[tensor.column ?? tensor.name] else { continue }
            let known = summary?.tokens[column.name]
            if known?.fits(vocabulary: vocabulary, mayBeIgnored: tensor.isOfTargets) == true {
                continue
            }
            try Self.requireTokens(
                column,
                vocabulary: vocabulary,
                mayBeIgnored: tensor.isOfTargets,
                look
            )
        }
    }

    private static func sorted(_ columns: [String: DataColumn]) -> [DataColumn] {
        columns.values.sorted { $0.name < $1.name }
    }

    /// What is kept of the columns, or what a pass over them finds, which is then kept.
    ///
    /// `nil` when nothing is kept and nothing is to be.
    private static func summary(
        _ path: String,
        _ columns: [DataColumn],
        ofTokens names: Set<String>,
        _ look: FirstLook
    ) throws -> ColumnSummary? {
        if let kept = ColumnSummary.kept(for: path, columns, ofTokens: names) { return kept }
        guard look.keepsSummary else { return nil }
        let found = try ColumnSummary(reading: columns, ofTokens: names, path: path, look)
        found.keep(for: path, columns)
        return found
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
        mayBeIgnored: Bool,
        _ look: FirstLook
    ) throws {
        let size = column.rowBytes
        for rows in column.pieces {
            let bytes = rows.lowerBound * size..<rows.upperBound * size
            try look.note(column.path, bytes, of: column.sampleCount * size)
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
        if let summary { return summary.digest }
        let look = FirstLook(keepsSummary: false)
        return try ColumnSummary(
            reading: Self.sorted(columns),
            ofTokens: [],
            path: path,
            look
        ).digest
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
