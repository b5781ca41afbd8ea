/// A length of time in seconds.
public struct Seconds: Hashable, Comparable, Sendable, Codable, ExpressibleByFloatLiteral,
    ExpressibleByIntegerLiteral, AdditiveArithmetic
{
    /// The number of seconds.
    public var value: Double

    /// No time at all.
    public static let zero = Seconds(0)

    /// A length of time of `value` seconds.
    public init(_ value: Double) { self.value = value }

    /// The value as written.
    public init(floatLiteral value: Double) { self.value = value }

    /// The value as written.
    public init(integerLiteral value: Int) { self.value = Double(value) }

    /// Reads the plain value.
    ///
    /// - Throws: `DecodingError` for a missing or mistyped value.
    public init(from decoder: any Decoder) throws {
        value = try decoder.singleValueContainer().decode(Double.self)
    }

    /// Writes the plain value.
    ///
    /// - Throws: What the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }

    /// Whether the left one is less.
    public static func < (left: Seconds, right: Seconds) -> Bool { left.value < right.value }

    /// The sum.
    public static func + (left: Seconds, right: Seconds) -> Seconds {
        Seconds(left.value + right.value)
    }

    /// The difference.
    public static func - (left: Seconds, right: Seconds) -> Seconds {
        Seconds(left.value - right.value)
    }

    /// The time that `count` repetitions take.
    public static func * (count: Double, duration: Seconds) -> Seconds {
        Seconds(count * duration.value)
    }

    /// One `count`-th of the time.
    public static func / (duration: Seconds, count: Double) -> Seconds {
        Seconds(duration.value / count)
    }
}

/// A number of bytes.
public struct ByteCount: Hashable, Comparable, Sendable, Codable, ExpressibleByIntegerLiteral,
    AdditiveArithmetic
{
    /// The number of bytes.
    public var value: Int

    /// No bytes.
    public static let zero = ByteCount(0)

    /// A size of `value` bytes.
    public init(_ value: Int) { self.value = value }

    /// The value as written.
    public init(integerLiteral value: Int) { self.value = value }

    /// Reads the plain value.
    ///
    /// - Throws: `DecodingError` for a missing or mistyped value.
    public init(from decoder: any Decoder) throws {
        value = try decoder.singleValueContainer().decode(Int.self)
    }

    /// Writes the plain value.
    ///
    /// - Throws: What the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }

    /// Whether the left one is less.
    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.value < right.value }

    /// The sum.
    public static func + (left: ByteCount, right: ByteCount) -> ByteCount {
        ByteCount(left.value + right.value)
    }

    /// The difference.
    public static func - (left: ByteCount, right: ByteCount) -> ByteCount {
        ByteCount(left.value - right.value)
    }

    /// The size of `count` equal pieces.
    public static func * (count: Int, size: ByteCount) -> ByteCount {
        ByteCount(count * size.value)
    }
}

extension ByteCount: CustomStringConvertible {
    /// The size in the largest binary unit that keeps it at least one, as `14.2 MiB`.
    public var description: String {
        let units = ["KiB", "MiB", "GiB", "TiB"]
        guard value >= 1024 else { return "\(value) B" }
        var amount = Double(value) / 1024
        var unit = 0
        while amount >= 1024 && unit + 1 < units.count {
            amount /= 1024
            unit += 1
        }
        return "\((amount * 10).rounded() / 10) \(units[unit])"
    }
}
