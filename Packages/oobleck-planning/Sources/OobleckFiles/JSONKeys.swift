import OobleckValues

/// The keys of a JSON text, repeated ones included: decoders silently use one of two equal keys.
public struct JSONKeys {
    /// A key and how many objects and lists it is inside of.
    public struct Key: Hashable {
        /// The key itself.
        public let name: String
        /// 1 for the keys of the outermost object.
        public let depth: Int
    }

    /// Every key at every depth that it stands at.
    public private(set) var all: Set<Key> = []
    /// The first key that an object has twice; `nil` is none.
    public private(set) var repeated: String?

    /// Reads the keys of a text that is valid JSON; of any other as far as it goes.
    public init(_ bytes: [UInt8]) {
        // The keys of each object that is open; lists have none.
        var open: [Set<String>] = []
        var text: [UInt8]?
        var isEscaped = false
        var last: [UInt8] = []
        for byte in bytes {
            if let current = text {
                if isEscaped {
                    isEscaped = false
                    text?.append(byte)
                } else if byte == UInt8(ascii: "\"") {
                    last = current
                    text = nil
                } else {
                    isEscaped = byte == UInt8(ascii: "\\")
                    text?.append(byte)
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): text = []
            case UInt8(ascii: "{"), UInt8(ascii: "["): open.append([])
            case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = open.popLast()
            case UInt8(ascii: ":"):
                guard !open.isEmpty else { continue }
                let name = String(decoding: last, as: UTF8.self)
                if !open[open.count - 1].insert(name).inserted, repeated == nil { repeated = name }
                all.insert(Key(name: name, depth: open.count))
            default: continue
            }
        }
    }

    /// Whether one key was meant for the other: one begins the other, or more than two thirds of the
    /// longer are what both begin and end with.
    public static func resemble(_ one: String, _ other: String) -> Bool {
        let (one, other) = (Array(one.utf8), Array(other.utf8))
        let shorter = min(one.count, other.count)
        guard shorter >= 4 else { return false }
        let start = zip(one, other).prefix { $0 == $1 }.count
        let end = zip(one.reversed(), other.reversed()).prefix { $0 == $1 }.count
        let common = start + min(end, shorter - start)
        return start == shorter || 3 * common > 2 * max(one.count, other.count)
    }
}
