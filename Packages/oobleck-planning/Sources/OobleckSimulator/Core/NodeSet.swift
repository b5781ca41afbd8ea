/// Numbers from 0 on, one bit each, so that sets of nodes are compared a word at a time.
public struct NodeSet: Sendable {
    private var words: [UInt64]
    /// How many numbers there are.
    public private(set) var count = 0

    /// No number; those up to `capacity` have room already.
    public init(capacity: Int = 0) { words = Array(repeating: 0, count: (capacity + 63) / 64) }

    /// Whether there is no number.
    public var isEmpty: Bool { count == 0 }

    /// Whether a number is there.
    public func contains(_ number: Int) -> Bool {
        let word = number >> 6
        return word < words.count && words[word] & Self.bit(number) != 0
    }

    /// Adds a number; whether it was not there.
    @discardableResult
    public mutating func insert(_ number: Int) -> Bool {
        let word = number >> 6
        while word >= words.count { words.append(0) }
        guard words[word] & Self.bit(number) == 0 else { return false }
        words[word] |= Self.bit(number)
        count += 1
        return true
    }

    /// Takes a number out; whether it was there.
    @discardableResult
    public mutating func remove(_ number: Int) -> Bool {
        let word = number >> 6
        guard word < words.count, words[word] & Self.bit(number) != 0 else { return false }
        words[word] &= ~Self.bit(number)
        count -= 1
        return true
    }

    /// The least number.
    public var first: Int? {
        for (word, bits) in words.enumerated() where bits != 0 {
            return word << 6 + bits.trailingZeroBitCount
        }
        return nil
    }

    /// All of them, ascending.
    public var all: [Int] { lowest(count) }

    /// The `most` least of them, ascending.
    public func lowest(_ most: Int) -> [Int] {
        var found: [Int] = []
        found.reserveCapacity(min(most, count))
        for (word, bits) in words.enumerated() where found.count < most {
            var rest = bits
            while rest != 0, found.count < most {
                found.append(word << 6 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
        return found
    }

    /// All but the `least` least of them.
    public func dropping(_ least: Int) -> NodeSet {
        var result = self
        for word in words.indices {
            let taken = count - result.count
            guard taken < least else { break }
            if words[word].nonzeroBitCount <= least - taken {
                result.count -= words[word].nonzeroBitCount
                result.words[word] = 0
                continue
            }
            for _ in taken..<least { result.words[word] &= result.words[word] - 1 }
            result.count -= least - taken
        }
        return result
    }

    /// Calls `body` with each that is not in another set, ascending.
    func forEach(notIn other: NodeSet, _ body: (Int) -> Void) {
        for (word, bits) in words.enumerated() {
            var rest = word < other.words.count ? bits & ~other.words[word] : bits
            while rest != 0 {
                body(word << 6 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
    }

    private static func bit(_ number: Int) -> UInt64 { 1 << UInt64(number & 63) }
}
