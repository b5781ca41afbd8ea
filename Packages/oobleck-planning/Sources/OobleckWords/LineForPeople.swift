/// The longest message that a person is shown, in bytes of UTF-8.
///
/// Longer ones quote a file or a peer; their middle is cut out.
private let longestLineBytes = 2000

/// A text on one line of bounded length, whatever a file or a peer put into it.
///
/// Control characters become spaces, so that a text cannot control a terminal or forge lines of a
/// log.
public func lineForPeople(_ text: String) -> String {
    var bytes = Array(text.utf8)
    let isShort = bytes.count <= longestLineBytes
    guard !isShort || bytes.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { return text }
    if !isShort {
        let half = longestLineBytes / 2
        bytes = bytes.prefix(half) + Array(" ... ".utf8) + bytes.suffix(half)
    }
    for index in bytes.indices where bytes[index] < 0x20 || bytes[index] == 0x7f {
        bytes[index] = UInt8(ascii: " ")
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// A number as messages show it: `nan`, `inf` or `-inf` for one that is not finite, whatever its
/// bits.
public func numberForPeople(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    return "\(value)"
}
