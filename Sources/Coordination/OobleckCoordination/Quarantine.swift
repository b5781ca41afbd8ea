import OobleckCore

/// Keeps out nodes that die and come back again and again: each return costs the others two
/// reconfigurations, and gains them little.
///
/// Nodes are known by name, since every return gets a number of its own. The first death is free.
/// After each further one the node has to stay away twice as long as after the one before. A node
/// that has lived for ten times its last absence starts anew.
package struct Quarantine: Sendable {
    private struct Record {
        var deaths: Int
        var lastDeath: Seconds
        var joined: Seconds?
    }

    /// Doublings of the first absence at most.
    private static let mostDoublings = 8
    /// Names that are remembered.
    private static let capacity = 10_000

    /// The first absence.
    private let base: Seconds
    private var records: [String: Record] = [:]

    package init(budget: Seconds) { base = 2 * budget }

    /// How long a node of this name has to stay away after its last death.
    private func absence(_ record: Record) -> Seconds {
        guard record.deaths > 1 else { return .zero }
        let doublings = min(record.deaths - 2, Self.mostDoublings)
        return Double(1 << doublings) * base
    }

    /// Why a node of this name may not join yet, in one line, or `nil` when it may.
    package func refusal(of name: String, now: Seconds) -> String? {
        guard let record = records[name] else { return nil }
        let left = record.lastDeath + absence(record) - now
        guard left > .zero else { return nil }
        let wait = (left.value * 10).rounded(.up) / 10
        return
            "node \(name) has died \(counted(record.deaths, "time")); it may join again in \(wait) s"
    }

    /// A node of this name joined.
    package mutating func noteJoin(of name: String, now: Seconds) {
        records[name]?.joined = now
    }

    /// A node of this name died.
    package mutating func noteDeath(of name: String, now: Seconds) {
        guard !name.isEmpty else { return }
        var record = records[name] ?? Record(deaths: 0, lastDeath: now)
        if let joined = record.joined, now - joined > 10 * max(base, absence(record)) {
            record.deaths = 0
        }
        record.deaths += 1
        record.lastDeath = now
        record.joined = nil
        records[name] = record
        guard records.count > Self.capacity else { return }
        let oldest = records.min { $0.value.lastDeath < $1.value.lastDeath }
        if let oldest { records[oldest.key] = nil }
    }
}
