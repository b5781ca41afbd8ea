import Crypto

/// SHA-256 over bytes that come in pieces, as lowercase hexadecimal text.
package struct SHA256Hasher {
    private var hash = SHA256()

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        hash.update(bufferPointer: bytes)
    }

    package mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
    }

    package mutating func update(_ text: String) { update(Array(text.utf8)) }

    /// The digest of all bytes so far.
    package var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in hash.finalize() {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The digest of a file's bytes, which are read in pieces.
    ///
    /// Throws `.inputData` when it cannot be read.
    package static func hexadecimal(ofFile path: String) throws -> String {
        var hasher = SHA256Hasher()
        let file = try OpenFile(path, for: .readInput)
        try hasher.update(file, size: try file.size())
        return hasher.hexadecimal
    }

    /// Takes the first `size` bytes of a file, which are read in pieces.
    package mutating func update(_ file: OpenFile, size: Int) throws {
        let piece = 4 << 20
        for start in stride(from: 0, to: size, by: piece) {
            update(try file.read(at: start, count: min(piece, size - start)))
        }
    }

    /// The digest of one piece of text.
    package static func hexadecimal(of text: String) -> String {
        var hasher = SHA256Hasher()
        hasher.update(text)
        return hasher.hexadecimal
    }
}
