import Foundation
import OobleckCoordination
import OobleckCore
import OobleckWire

/// How a run's state stands in etcd: one key for each thing that changes by itself, so that no
/// request grows with the length of a run.
///
/// - `state`: term, failures, the newest generations and the newest evaluation;
/// - `node/N`, `recovery/N`, `restore/N`, `memory/N`: one each;
/// - `planned` and `in-force`: plans; `committed`: the newest step; `ledger/N`: all steps.
///
/// A run of an earlier version has everything in `state`; that stays there, and what is added stands
/// apart.
extension EtcdStore {
    /// The most bytes of a value; etcd takes requests of 1.5 MiB.
    static let largestPart = 512 << 10

    /// What is to be written for a change that leads to `durable`, when `lines` of the ledger and
    /// `before` were there.
    func puts(
        _ change: DurableChange,
        _ durable: DurableState,
        before: DurableState,
        lines: Int
    ) throws -> [EtcdRequestOp] {
        switch change {
        case .tookOver, .numbered: return [try core(durable)]
        case .joined(let node, _), .draining(let node, _): return try member(node, durable)
        case .left(let node, _, _): return try member(node, durable) + [core(durable)]
        case .planned: return try plan("planned", durable.planned) + [core(durable)]
        case .inForce: return try plan("in-force", durable.inForce) + [core(durable)]
        case .committed(let step):
            return [
                EtcdRequests.put(location.key("committed"), try EtcdCoding.data(of: step)),
                try numbered("ledger", lines, HistoryEntry.step(step)),
            ]
        case .restored(let restored, let record):
            return [
                EtcdRequests.delete(location.key("committed")),
                try numbered("ledger", lines, HistoryEntry.restored(restored)),
                try numbered("restore", before.restores.count, record),
                try core(durable),
            ] + (try plan("in-force", durable.inForce))
        case .computing(let arithmetic):
            guard let arithmetic else { return [try core(durable)] }
            let recorded = RecordedArithmetic(
                arithmetic,
                step: durable.committedSteps,
                generation: durable.lastGeneration ?? 0
            )
            return [
                try core(durable),
                try numbered("ledger", lines, HistoryEntry.arithmetic(recorded)),
            ]
        case .recounted:
            // The ledger is in etcd itself, and each entry is one transaction with what it changes.
            return [try core(durable)]
        case .evaluated(let recorded):
            return [
                try core(durable),
                try numbered("ledger", lines, HistoryEntry.evaluation(recorded)),
            ]
        case .recovered(let record):
            return [try numbered("recovery", before.recoveries.count, record)]
        case .ranOutOfMemory(let failure):
            return [try numbered("memory", before.memoryFailures.count, failure)]
        }
    }

    /// What is small, whatever the run.
    private func core(_ durable: DurableState) throws -> EtcdRequestOp {
        var core = inline
        core.term = durable.term
        core.failures = durable.failures
        core.lastGeneration = durable.lastGeneration
        core.plansInForce = durable.plansInForce
        core.restored = durable.restored
        core.arithmetic = durable.arithmetic
        core.evaluated = durable.evaluated
        return EtcdRequests.put(location.key("state"), try EtcdCoding.data(of: core))
    }

    private func member(_ node: NodeID, _ durable: DurableState) throws -> [EtcdRequestOp] {
        guard let value = durable.nodes[node] else { return [] }
        return [try numbered("node", node.rawValue, value)]
    }

    func numbered(_ name: String, _ number: Int, _ value: some Encodable) throws -> EtcdRequestOp {
        EtcdRequests.put(
            location.key("\(name)/\(Self.digits(number))"),
            try EtcdCoding.data(of: value)
        )
    }

    private static func digits(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 12 - digits.count)) + digits
    }

    private func plan(_ name: String, _ plan: PlanDocument?) throws -> [EtcdRequestOp] {
        guard let plan else { return [] }
        return try large(name, plan.plan.generation.rawValue, try EtcdCoding.data(of: plan))
    }

    // MARK: Large values

    /// Stands where a value is that is in parts: their number, and the version that they are of.
    private struct Parts: Codable {
        var version: Int
        var parts: Int
    }

    /// Puts a value of any size: one that is too large for a request is written in parts before,
    /// under a version of its own, and named once all are there.
    func large(_ name: String, _ version: Int, _ value: Data) throws -> [EtcdRequestOp] {
        guard value.count > Self.largestPart else {
            return [EtcdRequests.put(location.key(name), value)]
        }
        let starts = Array(stride(from: 0, to: value.count, by: Self.largestPart))
        for (part, start) in starts.enumerated() {
            let key = location.key("\(name)/\(Self.digits(version))/\(Self.digits(part))")
            let bytes = value[start..<min(start + Self.largestPart, value.count)]
            try write([EtcdRequests.put(key, Data(bytes))])
        }
        let sign = Parts(version: version, parts: starts.count)
        return [
            EtcdRequests.put(location.key(name), try EtcdCoding.data(of: sign)),
            // Parts of earlier versions.
            EtcdRequests.delete(
                from: location.key("\(name)/"),
                to: location.key("\(name)/\(Self.digits(version))/")
            ),
        ]
    }

    /// A value of any size; `nil` is nothing.
    static func readLarge(_ name: String, _ client: EtcdClient) async throws -> Data? {
        guard let value = try await client.read(name) else { return nil }
        let sign: Parts
        do { sign = try JSONDecoder().decode(Parts.self, from: value) } catch { return value }
        var whole = Data()
        for part in 0..<sign.parts {
            let key = "\(name)/\(digits(sign.version))/\(digits(part))"
            guard let bytes = try await client.read(key) else {
                throw OobleckError(.storage, "etcd lacks a part of \(name) of \(client.location)")
            }
            whole += bytes
        }
        return whole
    }

    // MARK: Reading

    /// Everything that was kept, and what of it stands in `state` itself.
    static func read(_ client: EtcdClient) async throws -> (all: DurableState, inline: DurableState)
    {
        var inline = DurableState()
        if let data = try await client.read("state") {
            inline = try EtcdCoding.value(DurableState.self, from: data)
        }
        func records<Record: Decodable>(_ name: String) async throws -> [Record] {
            try await client.readAll("\(name)/").map {
                try EtcdCoding.value(Record.self, from: $0.value)
            }
        }
        func plan(_ name: String) async throws -> PlanDocument? {
            try await readLarge(name, client).map {
                try EtcdCoding.value(PlanDocument.self, from: $0)
            }
        }
        var all = inline
        for found in try await client.readAll("node/") {
            let digits = String(decoding: found.key, as: UTF8.self).split(separator: "/").last
            guard let digits, let number = Int(digits) else { continue }
            let node = try EtcdCoding.value(DurableState.Node.self, from: found.value)
            all.nodes[NodeID(number)] = node
        }
        all.recoveries += try await records("recovery")
        all.restores += try await records("restore")
        all.memoryFailures += try await records("memory")
        if let planned = try await plan("planned") { all.planned = planned }
        if let inForce = try await plan("in-force") { all.inForce = inForce }
        all.committed = try await client.read("committed").map {
            try EtcdCoding.value(CommittedStep.self, from: $0)
        }
        return (all, inline)
    }
}
