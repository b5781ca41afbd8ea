import Foundation
import OobleckCore

/// A `.npy` file with token ids: one dimension of integers.
///
/// Format: numpy.lib.format, versions 1.0 to 3.0. The header is a Python dictionary in text, which
/// NumPy writes in one way only.
struct NumpyArray {
    private static let mark: [UInt8] = [0x93] + Array("NUMPY".utf8)

    let identifiers: [UInt16]

    /// Whether a file begins as NumPy's do.
    static func isOne(_ bytes: [UInt8]) -> Bool { bytes.starts(with: mark) }

    /// Throws `.inputData` when the array is not one of token ids.
    init(_ bytes: [UInt8], path: String, vocabulary: Int) throws {
        func refusal(_ reason: String) -> OobleckError {
            OobleckError(
                .inputData,
                "\(path): \(reason); token ids are an array of one dimension, uint16 for the most "
                    + "part, as in numpy.save(NEW, ids.astype('uint16').ravel())"
            )
        }
        guard bytes.count >= 12 else { throw refusal("the NumPy file ends in its header") }
        let isShort = bytes[6] == 1
        let start = isShort ? 10 : 12
        let sizes = bytes[8..<start].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard start + sizes <= bytes.count else {
            throw refusal("the NumPy file ends in its header")
        }
        let header = String(decoding: bytes[start..<start + sizes], as: UTF8.self)
        let type = Self.value("descr", in: header, upTo: ",") ?? ""
        guard let width = Self.width(of: type) else {
            throw refusal("its elements are of type \(type), not little-endian integers")
        }
        let shape = (Self.value("shape", in: header, upTo: ")") ?? "").split(separator: ",")
            .map(Self.trimmed)
        guard shape.count == 1, let count = Int(shape[0]), count >= 0 else {
            throw refusal("its shape is (\(shape.joined(separator: ", ")))")
        }
        let data = bytes.count - start - sizes
        guard data / width == count, data.isMultiple(of: width) else {
            throw refusal(
                "it should have \(counted(count, "element")) of \(counted(width, "byte")) and has \(counted(data, "byte"))"
            )
        }
        identifiers = try TokenIdentifiers.values(
            bytes,
            width: width,
            isSigned: type.contains("i"),
            from: start + sizes,
            vocabulary: vocabulary,
            path: path
        )
    }

    /// Bytes of an element of little-endian or single-byte integers.
    private static func width(of type: String) -> Int? {
        let widths = [
            "|u1": 1, "|i1": 1, "<u2": 2, "<i2": 2, "<u4": 4, "<i4": 4, "<u8": 8, "<i8": 8,
        ]
        return widths[type]
    }

    /// What stands behind a key, up to `end`.
    private static func value(_ key: String, in header: String, upTo end: Character) -> String? {
        guard let place = header.range(of: "'\(key)':") else { return nil }
        return trimmed(header[place.upperBound...].prefix { $0 != end })
    }

    private static func trimmed(_ text: Substring) -> String {
        text.trimmingCharacters(in: CharacterSet(charactersIn: " '\"(,"))
    }
}
