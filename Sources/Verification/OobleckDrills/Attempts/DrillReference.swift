import OobleckCore

/// An undisturbed run that rows are compared with.
struct DrillReference: Hashable, Sendable, Comparable, CustomStringConvertible {
    let tolerance: Int
    let steps: Int
    /// What its numbers go through, too.
    let staged: [String]

    /// What the report calls it.
    var description: String {
        (["f = \(tolerance)", "\(counted(steps, "step"))"] + staged).joined(separator: ", ")
    }

    static func < (one: Self, other: Self) -> Bool { one.description < other.description }
}
