import OobleckCoordination
import OobleckCore

/// The judge's own account of machines, which keep their names over deaths and returns.
struct MachineAccount: Sendable {
    /// The least absence after a second death in a row, in seconds.
    private static let absence = 2 * World.detectionBudget

    private struct Record {
        var deaths = 0
        var lastDeath = 0.0
        var joined = 0.0
    }

    private var records: [String: Record] = [:]
    private var failures: [MemoryFailure] = []
    /// Those of before the coordinator's machine lost power: it may remember them or not.
    private var doubtful: [MemoryFailure] = []
    private var names: [NodeID: String] = [:]

    /// A node that was in the run before comes back to another coordinator.
    mutating func returned(_ node: NodeID, _ name: String) { names[node] = name }

    /// A machine is let in under this number; returns what is wrong with that.
    mutating func joined(_ node: NodeID, _ name: String, now: Double) -> String? {
        names[node] = name
        let record = records[name]
        records[name, default: Record()].joined = now
        guard let record, record.deaths > 1 else { return nil }
        let pause = now - record.lastDeath
        guard pause < Self.absence else { return nil }
        return "\(name) is let in \(WorldFault.text(pause)) after death \(record.deaths)"
    }

    mutating func died(_ node: NodeID, now: Double) {
        guard let name = names[node] else { return }
        var record = records[name] ?? Record()
        // One that has lived for long starts anew; whatever the absence was, it is let off here.
        if now - record.joined > 10 * Self.absence { record.deaths = 0 }
        record.deaths += 1
        record.lastDeath = now
        records[name] = record
    }

    /// Another coordinator has not seen the deaths, and knows no node by name that is not back.
    mutating func restart() { (records, names) = ([:], [:]) }

    /// The coordinator's machine loses power: what was kept of all this may be gone.
    mutating func losePower() {
        doubtful += failures
        (records, names, failures) = ([:], [:], [])
    }

    mutating func ranOutOfMemory(_ failure: MemoryFailure) { failures.append(failure) }

    /// Whether not every place is light enough for the node, because its machine ran out of memory.
    func isLimited(_ node: NodeID) -> Bool {
        (failures + doubtful).contains { $0.name == names[node] && $0.node < node }
    }

    /// A node is given layers; returns what is wrong with that.
    func given(_ layers: [Int], _ node: NodeID) -> String? {
        let failure = failures.first { failure in
            failure.name == names[node] && failure.node < node && !failure.load.layers.isEmpty
                && Set(layers).isSuperset(of: failure.load.layers)
        }
        return failure.map {
            "node \(node) is given layers \(layers); \($0.name) ran out of memory with \($0.load.layers)"
        }
    }
}
