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

    /// The digest of one piece of text.
    package static func hexadecimal(of text: String) -> String {
        var hasher = SHA256Hasher()
        hasher.update(text)
        return hasher.hexadecimal
    }
}
