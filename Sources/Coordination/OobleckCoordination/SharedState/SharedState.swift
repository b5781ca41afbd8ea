import Foundation
import OobleckCore

/// How a run's state stands in a shared store: one entry for each thing that changes by itself, so that
/// no request grows with the length of a run.
///
/// - `state`: term, failures, the newest generations and the newest evaluation;
/// - `node/N`, `recovery/N`, `restore/N`, `memory/N`: one each;
/// - `planned` and `in-force`: plans; `committed`: the newest step; `ledger/N`: all steps.
///
/// A run of an earlier version has everything in `state`; that stays there, and what is added stands
/// apart.
package struct SharedState: Sendable {
    /// All that was kept, summed up.
    package private(set) var durable = DurableState()
    /// What of it stands in the entry `state` itself.
    private var inline = DurableState()
    /// Lines of the ledger in the store.
    private var lines = 0
    /// The most bytes of a value in one piece.
    private let largestPart: Int

    /// The state of a run that has not begun.
    package init(largestPart: Int = LargeValue.largestPart) { self.largestPart = largestPart }

    static func digits(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 12 - digits.count)) + digits
    }

    // MARK: Reading

    /// Where the ledger's lines are.
    package static let ledgerPrefix = "ledger/"
    /// What the names begin with of all entries that ``init(entries:lines:largestPart:)`` needs.
    package static let prefixes = [
        "state", "committed", "node/", "recovery/", "restore/", "memory/", "planned", "in-force",
    ]

    /// From the entries under ``prefixes``, and maybe others, and the number of the ledger's lines.
    ///
    /// Throws `.storage` with one line when something is missing, or of another version.
    package init(
        entries: [KeyValue],
        lines: Int,
        largestPart: Int = LargeValue.largestPart
    ) throws {
        self.init(largestPart: largestPart)
        self.lines = lines
        let values = Dictionary(entries.map { ($0.name, $0.value) }) { $1 }
        func value<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value? {
            try LargeValue.value(name, in: values).map { try SharedCoding.value(type, from: $0) }
        }
        func records<Record: Decodable>(_ name: String) throws -> [Record] {
            try values.keys.filter { $0.hasPrefix("\(name)/") }.sorted()
                .compactMap { values[$0] }
                .map { try SharedCoding.value(Record.self, from: $0) }
        }
        inline = try value(DurableState.self, "state") ?? DurableState()
        durable = inline
        for name in values.keys where name.hasPrefix("node/") {
            guard let number = Int(name.dropFirst("node/".count)), let data = values[name] else {
                continue
            }
            let node = try SharedCoding.value(DurableState.Node.self, from: data)
            durable.nodes[NodeID(number)] = node
        }
        durable.recoveries += try records("recovery")
        durable.restores += try records("restore")
        durable.memoryFailures += try records("memory")
        if let planned = try value(PlanDocument.self, "planned") { durable.planned = planned }
        if let inForce = try value(PlanDocument.self, "in-force") { durable.inForce = inForce }
        durable.committed = try value(CommittedStep.self, "committed")
        inline.committed = nil
    }

    // MARK: Writing

    /// The writes that keep a change, to be made one after the other.
    package func writes(
        keeping change: DurableChange
    ) throws -> [[KeyValueTransaction.Operation]] {
        var after = durable
        after.apply(change)
        switch change {
        case .tookOver, .numbered: return [[try core(after)]]
        case .joined(let node, _), .draining(let node, _): return [try member(node, after)]
        case .left(let node, _, _): return [try member(node, after) + [core(after)]]
        case .planned: return try plan("planned", after.planned, [core(after)])
        case .inForce: return try plan("in-force", after.inForce, [core(after)])
        case .committed(let step):
            let isCounted = after.skippedInARow != durable.skippedInARow
            return [
                [
                    .put("committed", try SharedCoding.data(of: step)),
                    try line(.step(step)),
                ] + (isCounted ? [try core(after)] : [])
            ]
        case .restored(let restored, let record):
            let others: [KeyValueTransaction.Operation] = [
                .delete("committed"),
                try line(.restored(restored)),
                try numbered("restore", durable.restores.count, record),
                try core(after),
            ]
            return try plan("in-force", after.inForce, others)
        case .computing(let arithmetic):
            guard let arithmetic else { return [[try core(after)]] }
            let recorded = RecordedArithmetic(
                arithmetic,
                step: after.committedSteps,
                generation: after.lastGeneration ?? 0
            )
            return [[try core(after), try line(.arithmetic(recorded))]]
        case .recounted:
            // The ledger is in the store itself, and each entry is one write with what it changes.
            return [[try core(after)]]
        case .evaluated(let recorded): return [[try core(after), try line(.evaluation(recorded))]]
        case .recovered(let record):
            return [[try numbered("recovery", durable.recoveries.count, record)]]
        case .ranOutOfMemory(let failure):
            return [[try numbered("memory", durable.memoryFailures.count, failure)]]
        }
    }

    /// All writes of a change were made.
    package mutating func kept(_ change: DurableChange) {
        durable.apply(change)
        switch change {
        case .committed, .restored, .computing(.some), .evaluated: lines += 1
        default: break
        }
    }

    /// What is small, whatever the run.
    private func core(_ durable: DurableState) throws -> KeyValueTransaction.Operation {
        var core = inline
        core.term = durable.term
        core.failures = durable.failures
        core.lastGeneration = durable.lastGeneration
        core.plansInForce = durable.plansInForce
        core.restored = durable.restored
        core.arithmetic = durable.arithmetic
        core.evaluated = durable.evaluated
        core.skippedInARow = durable.skippedInARow
        return .put("state", try SharedCoding.data(of: core))
    }

    private func member(
        _ node: NodeID,
        _ durable: DurableState
    ) throws -> [KeyValueTransaction.Operation] {
        guard let value = durable.nodes[node] else { return [] }
        return [try numbered("node", node.rawValue, value)]
    }

    private func line(_ entry: HistoryEntry) throws -> KeyValueTransaction.Operation {
        try numbered("ledger", lines, entry)
    }

    private func numbered(
        _ name: String,
        _ number: Int,
        _ value: some Encodable
    ) throws -> KeyValueTransaction.Operation {
        .put("\(name)/\(Self.digits(number))", try SharedCoding.data(of: value))
    }

    private func plan(
        _ name: String,
        _ plan: PlanDocument?,
        _ others: [KeyValueTransaction.Operation]
    ) throws -> [[KeyValueTransaction.Operation]] {
        guard let plan else { return [others] }
        let value = try LargeValue(
            name,
            version: plan.plan.generation.rawValue,
            try SharedCoding.data(of: plan),
            largestPart: largestPart
        )
        return value.before + [value.naming + others]
    }
}
