import Foundation
import OobleckCore

/// A `.npy` file as a column: its name is the file's.
///
/// Format: numpy.lib.format, versions 1.0 to 3.0.
enum NumpyColumn {
    private static let mark: [UInt8] = [0x93] + Array("NUMPY".utf8)
    private static let longestHeader = 1 << 20
    private static let types: [String: Safetensors.ElementType] = [
        "|b1": .boolean, "|u1": .uint8, "|i1": .int8, "<u2": .uint16, "<i2": .int16, "<u4": .uint32,
        "<i4": .int32, "<i8": .int64, "<f2": .float16, "<f4": .float32, "<f8": .float64,
    ]

    /// Throws `.inputData` when it is none, or its numbers are not laid out row by row.
    static func open(_ path: String) throws -> DataColumn {
        func refusal(_ reason: String) -> OobleckError {
            OobleckError(.inputData, "\(path): \(reason)")
        }
        let file = try OpenFile(path, for: .readInput)
        let size = try file.size()
        guard size >= 12 else {
            throw refusal("has \(counted(size, "byte")); it is no NumPy array")
        }
        let first = try file.read(at: 0, count: 12)
        guard first.starts(with: mark) else { throw refusal("is no NumPy array") }
        let start = first[6] == 1 ? 10 : 12
        let length = first[8..<start].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= longestHeader, start + length <= size else {
            throw refusal("the NumPy file ends in its header")
        }
        let header = String(decoding: try file.read(at: start, count: length), as: UTF8.self)
        let descriptor = value("descr", in: header, upTo: ",}")
        guard let type = types[descriptor] else {
            throw refusal("its elements are of type \(descriptor); convert them with astype first")
        }
        guard value("fortran_order", in: header, upTo: ",}") == "False" else {
            throw refusal("its elements lie column by column; save numpy.ascontiguousarray of it")
        }
        let shape = value("shape", in: header, upTo: ")").split(separator: ",")
            .map { Int($0.trimmingCharacters(in: .whitespaces)) ?? -1 }
        let (count, isTooLarge) = shape.reduce((1, false)) { product, size in
            let (next, overflows) = product.0.multipliedReportingOverflow(by: size)
            return (next, product.1 || overflows || size < 0)
        }
        guard !isTooLarge, !shape.isEmpty,
            count <= (size - start - length) / (type.bits / 8)
        else { throw refusal("its shape is \(shape), and it has too few bytes for that") }
        let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
        return DataColumn(
            name: name,
            path: path,
            type: type,
            shape: shape,
            file: file,
            start: start + length
        )
    }

    /// What stands behind a key, up to one of `ends`.
    private static func value(_ key: String, in header: String, upTo ends: String) -> String {
        guard let place = header.range(of: "'\(key)':") else { return "" }
        return String(header[place.upperBound...].prefix { !ends.contains($0) })
            .trimmingCharacters(in: CharacterSet(charactersIn: " '\"("))
    }
}
