/// Names one node for the whole run.
///
/// Never reused, not even after a death, so that a process that was declared lost and returns can
/// be distinguished from its successor.
public struct NodeID: Hashable, Comparable, Sendable, Codable, ExpressibleByIntegerLiteral,
    CustomStringConvertible
{
    /// The number, counted from zero in order of joining.
    public let rawValue: Int

    /// The node with this number.
    public init(_ rawValue: Int) { self.rawValue = rawValue }

    /// The value as written.
    public init(integerLiteral value: Int) { rawValue = value }

    /// Reads the plain value.
    ///
    /// - Throws: `DecodingError` for a missing or mistyped value.
    public init(from decoder: any Decoder) throws {
        rawValue = try decoder.singleValueContainer().decode(Int.self)
    }

    /// Writes the plain value.
    ///
    /// - Throws: What the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }

    /// Whether the left one is less.
    public static func < (left: NodeID, right: NodeID) -> Bool { left.rawValue < right.rawValue }

    /// The text for people.
    public var description: String { "\(rawValue)" }
}

/// The number of the execution plan in force.
///
/// Every message carries it; messages of old generations are dropped.
public struct Generation: Hashable, Comparable, Sendable, Codable, ExpressibleByIntegerLiteral,
    CustomStringConvertible
{
    /// The number, counted from zero.
    public let rawValue: Int

    /// The generation with this number.
    public init(_ rawValue: Int) { self.rawValue = rawValue }

    /// The value as written.
    public init(integerLiteral value: Int) { rawValue = value }

    /// Reads the plain value.
    ///
    /// - Throws: `DecodingError` for a missing or mistyped value.
    public init(from decoder: any Decoder) throws {
        rawValue = try decoder.singleValueContainer().decode(Int.self)
    }

    /// Writes the plain value.
    ///
    /// - Throws: What the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }

    /// Whether the left one is less.
    public static func < (left: Generation, right: Generation) -> Bool {
        left.rawValue < right.rawValue
    }

    /// The generation that follows.
    public var next: Generation { Generation(rawValue + 1) }

    /// The text for people.
    public var description: String { "\(rawValue)" }
}
