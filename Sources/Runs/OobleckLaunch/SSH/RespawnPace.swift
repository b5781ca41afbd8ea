import OobleckCore

/// When a host that went is tried again: after a second, then twice as long each time up to a minute, and
/// after a second again once a node has lived there for a minute.
package struct RespawnPace: Hashable, Sendable {
    package static let first: Seconds = 1
    package static let longest: Seconds = 60
    /// How long a node has to live for its host to count as well.
    package static let proof: Seconds = 60

    private var next = first

    package init() {}

    /// How long to wait after an attempt that lasted for `life`: the longest time if the machine
    /// `wasReclaimed`.
    package mutating func pause(after life: Seconds, wasReclaimed: Bool = false) -> Seconds {
        if wasReclaimed { return Self.longest }
        if life >= Self.proof { next = Self.first }
        defer { next = min(2 * next, Self.longest) }
        return next
    }
}
