import Foundation
import OobleckCore

/// The digest that a manifest has of itself, so that a change by hand is noticed.
///
/// It is the SHA-256 of the file with zeros in the digest's place. It finds mistakes: whoever changes a
/// manifest on purpose can compute another one, and is limited by the list of operators only.
enum ManifestDigest {
    private static let key = "digest"
    private static let length = 64

    /// Checks that the file is as the importer wrote it; imports of earlier versions have no digest.
    ///
    /// Throws `.inputData` when it is not.
    static func check(_ bytes: [UInt8], _ value: JSONValue, path: String) throws {
        guard let stated = value.fields?[key] else { return }
        guard let digest = stated.string, digest.utf8.count == length,
            digest.allSatisfy(\.isHexDigit)
        else {
            throw OobleckError(
                .inputData,
                "\(path): \(key) is \(stated); it must be \(length) hexadecimal digits"
            )
        }
        var data = Data(bytes)
        if let place = data.range(of: Data(digest.utf8), options: .backwards) {
            data.replaceSubrange(place, with: Data(repeating: UInt8(ascii: "0"), count: length))
        }
        var hasher = SHA256Hasher()
        hasher.update([UInt8](data))
        guard hasher.hexadecimal == digest else {
            throw OobleckError(
                .inputData,
                "\(path) was altered since the import: its digest is \(hasher.hexadecimal), and it says "
                    + "\(digest); import the model again"
            )
        }
    }
}
