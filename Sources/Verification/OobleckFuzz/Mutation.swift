/// Damages a valid input a little, the way that disks, networks, editors and people with bad
/// intentions do.
struct Mutation {
    /// The longest input that is made.
    static let longest = 256 << 10

    private var random: FuzzRandom
    private let samples: [[UInt8]]

    /// Mutations of these samples, of which there must be one.
    init(_ samples: [[UInt8]], random: FuzzRandom) {
        precondition(!samples.isEmpty, "nothing to damage")
        self.samples = samples
        self.random = random
    }

    /// One damaged input.
    mutating func input() -> [UInt8] {
        var bytes = samples[random.below(samples.count)]
        for _ in 0..<1 + random.below(6) { damage(&bytes) }
        return Array(bytes.prefix(Self.longest))
    }

    private mutating func damage(_ bytes: inout [UInt8]) {
        switch random.below(12) {
        case 0: flip(&bytes)
        case 1: overwrite(&bytes)
        case 2: bytes.removeSubrange(range(in: bytes))
        case 3: bytes.insert(contentsOf: bytes[range(in: bytes)], at: random.below(bytes.count + 1))
        case 4: bytes.removeLast(min(bytes.count, random.below(1 + bytes.count)))
        case 5: splice(&bytes)
        case 6, 7: replaceNumber(&bytes)
        case 8: replaceWord(&bytes)
        case 9: repeatPiece(&bytes)
        case 10: moveLine(&bytes)
        default: insertWord(&bytes)
        }
    }

    private mutating func range(in bytes: [UInt8]) -> Range<Int> {
        let first = random.below(bytes.count + 1)
        let length = random.below(random.below(4) == 0 ? bytes.count + 1 : 16)
        return first..<min(bytes.count, first + length)
    }

    private mutating func flip(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
    }

    private mutating func overwrite(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let byte = [0, 0x7f, 0x80, 0xff, UInt8(random.below(256))][random.below(5)]
        let first = random.below(bytes.count)
        for index in first..<min(bytes.count, first + 1 + random.below(8)) { bytes[index] = byte }
    }

    /// The head of one sample and the tail of another.
    private mutating func splice(_ bytes: inout [UInt8]) {
        let other = samples[random.below(samples.count)]
        bytes =
            bytes.prefix(random.below(bytes.count + 1))
            + other.suffix(random.below(other.count + 1))
    }

    /// Another number where one stands.
    private mutating func replaceNumber(_ bytes: inout [UInt8]) {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        let starts = bytes.indices.filter {
            digits.contains(bytes[$0]) && ($0 == 0 || !digits.contains(bytes[$0 - 1]))
        }
        guard !starts.isEmpty else { return }
        let first = starts[random.below(starts.count)]
        let end = bytes[first...].firstIndex { !digits.contains($0) } ?? bytes.count
        bytes.replaceSubrange(
            first..<end,
            with: Self.numbers[random.below(Self.numbers.count)].utf8
        )
    }

    /// Something else between two quotes.
    private mutating func replaceWord(_ bytes: inout [UInt8]) {
        let quotes = bytes.indices.filter { bytes[$0] == UInt8(ascii: "\"") }
        guard quotes.count >= 2 else { return insertWord(&bytes) }
        let index = random.below(quotes.count - 1)
        let word = Self.words[random.below(Self.words.count)]
        bytes.replaceSubrange(quotes[index] + 1..<quotes[index + 1], with: word.utf8)
    }

    /// A piece many times over: deep nesting, long lists, long words.
    private mutating func repeatPiece(_ bytes: inout [UInt8]) {
        let piece =
            random.below(2) == 0
            ? Array(Self.words[random.below(Self.words.count)].utf8)
            : Array(bytes[range(in: bytes)])
        guard !piece.isEmpty else { return }
        let limit = 1 << (2 + random.below(14))
        let count = min(limit, max(1, (Self.longest - bytes.count) / piece.count))
        let pieces = Array(repeating: piece, count: count).flatMap { $0 }
        bytes.insert(contentsOf: pieces, at: random.below(bytes.count + 1))
    }

    /// A line in another place, or twice.
    private mutating func moveLine(_ bytes: inout [UInt8]) {
        let end = UInt8(ascii: "\n")
        var lines = bytes.split(separator: end, omittingEmptySubsequences: false)
        guard lines.count > 1 else { return flip(&bytes) }
        let line = lines[random.below(lines.count)]
        if random.below(2) == 0 { lines.remove(at: random.below(lines.count)) }
        lines.insert(line, at: random.below(lines.count + 1))
        bytes = Array(lines.joined(separator: [end]))
    }

    private mutating func insertWord(_ bytes: inout [UInt8]) {
        let word = Self.words[random.below(Self.words.count)]
        bytes.insert(contentsOf: word.utf8, at: random.below(bytes.count + 1))
    }

    private static let numbers = [
        "0", "-1", "1", "-0", "0.5", "1e300", "-1e300", "1e-320", "9223372036854775807",
        "-9223372036854775808", "9223372036854775808", "18446744073709551615",
        "4611686018427387904", "4294967296", "2147483648", "9007199254740993", "1000000",
        "123456789", "NaN", "Infinity", "1e", "0x10", "00", "1_000", "null",
    ]
    private static let words = [
        "", "\"", "{", "}", "[", "]", "[[", "{\"a\":", ",", ":", "null", "true", "false", "\\u0000",
        "\\ud800", "\u{0}", "\n", "\r\n", "- ", "  ", "\t", "#", "&a ", "*a", "<<: ", "!!int ", "|",
        "%", "e9", "-", "../", "/dev/zero", "ä", "\u{1F480}", "layer-000.safetensors", "F64",
        "__metadata__", "add", "remove",
    ]
}
