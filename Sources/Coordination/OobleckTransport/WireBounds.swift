import OobleckCore

/// How much the fields of a message may hold, whatever its sender is up to.
enum WireBounds {
    /// Bytes of a rendezvous key and of its value: addresses of all members of a group.
    static let keyBytes = 4096
    static let valueBytes = 1 << 20
    /// Bytes of a digest in hexadecimal.
    static let digestBytes = 128
    /// Layers or microbatches that one message may speak of.
    static let entries = 1 << 20
    /// The largest number: far above every count, and far from where sums overflow.
    static let number: Int64 = 1 << 53
    /// The longest detection budget that a job may have.
    static let budget: Seconds = 3600
}

/// A text for people from a peer, which must not write our log.
func line(_ text: String) -> String { lineForPeople(text) }

/// A name or digest that has to come whole.
func bounded(_ text: String, _ bytes: Int, _ name: String) throws -> String {
    guard text.utf8.count <= bytes else {
        throw malformed(name, "has \(counted(text.utf8.count, "byte")); it may have \(bytes)")
    }
    return text
}

/// How long something took, as its sender measured it.
///
/// A time that cannot have been measured is none: a bad clock is no reason to lose a node.
func measured(_ seconds: Double) -> Seconds { Seconds(seconds).measured ?? .zero }
