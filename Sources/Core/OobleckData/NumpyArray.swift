import Foundation
import OobleckCore

/// A `.npy` file with token ids: one dimension of integers.
///
/// Format: numpy.lib.format, versions 1.0 to 3.0. The header is a Python dictionary in text, which
/// NumPy writes in one way only.
struct NumpyArray {
    private static let mark: [UInt8] = [0x93] + Array("NUMPY".utf8)
    /// The header of an array of numbers has some 100 bytes.
    private static let mostHeaderBytes = 128 << 10

    let tokens: TokenSequence

    /// Whether a file begins as NumPy's do.
    static func isOne(_ file: MappedFile) -> Bool { file.prefix(mark.count) == mark }

    /// Throws `.inputData` when the array is not one of token ids.
    init(_ file: MappedFile) throws {
        func refusal(_ reason: String) -> OobleckError {
            OobleckError(
                .inputData,
                "\(file.path): \(reason); token ids are an array of one dimension, uint16 for the "
                    + "most part, as in numpy.save(NEW, ids.astype('uint16').ravel())"
            )
        }
        guard let (header, start) = Self.header(file) else {
            throw refusal("the NumPy file ends in its header")
        }
        let name = Self.value("descr", in: header, upTo: ",") ?? ""
        guard let type = Self.types[name] else {
            throw refusal("its elements are of type \(name), not little-endian integers")
        }
        let shape = (Self.value("shape", in: header, upTo: ")") ?? "").split(separator: ",")
            .map(Self.trimmed)
        guard shape.count == 1, let count = Int(shape[0]), count >= 0 else {
            throw refusal("its shape is (\(shape.joined(separator: ", ")))")
        }
        let data = file.count - start
        guard data / type.width == count, data.isMultiple(of: type.width) else {
            throw refusal(
                "it should have \(counted(count, "element")) of \(counted(type.width, "byte")) and "
                    + "has \(counted(data, "byte"))"
            )
        }
        tokens = TokenSequence(.file(file), type: type, start: start)
    }

    /// Little-endian or single-byte integers.
    private static let types: [String: TokenType] = [
        "|u1": .uint8, "|i1": .int8, "<u2": .uint16, "<i2": .int16,
        "<u4": .uint32, "<i4": .int32, "<u8": .uint64, "<i8": .int64,
    ]

    /// The text of the header and the byte behind it; `nil` when the file ends before.
    private static func header(_ file: MappedFile) -> (text: String, end: Int)? {
        let bytes = file.prefix(mostHeaderBytes)
        guard bytes.count >= 12 else { return nil }
        let start = bytes[6] == 1 ? 10 : 12
        let end = bytes[8..<start].reversed().reduce(0) { $0 << 8 | Int($1) } + start
        guard end <= bytes.count else { return nil }
        return (String(decoding: bytes[start..<end], as: UTF8.self), end)
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
