import Foundation
import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite("A run's state in a shared store", .timeLimit(.minutes(5))) struct SharedStateTests {
    /// The entries after writes.
    private struct Entries {
        var values: [String: Data] = [:]
        var largest = 0

        mutating func apply(_ operations: [KeyValueTransaction.Operation]) {
            for operation in operations {
                switch operation {
                case .put(let name, let value, _):
                    values[name] = value
                    largest = max(largest, value.count)
                case .delete(let name): values[name] = nil
                case .deleteRange(let first, let end):
                    values = values.filter { !($0.key >= first && $0.key < end) }
                }
            }
        }

        var state: SharedState {
            get throws {
                let entries = values.filter { entry in
                    SharedState.prefixes.contains { entry.key.hasPrefix($0) }
                }
                return try SharedState(
                    entries: entries.map { KeyValue(name: $0.key, value: $0.value) },
                    lines: values.keys.count { $0.hasPrefix(SharedState.ledgerPrefix) }
                )
            }
        }
    }

    @Test(
        "after every change of a lively run, what is read is what was kept",
        arguments: [LargeValue.largestPart, 700]
    )
    func readsBack(largestPart: Int) throws {
        let world = try World.lively(seed: 5, nodes: 6, steps: 9)
        #expect(world.judge.complaints == [])
        #expect(world.changes.count > 15)
        var (state, entries) = (SharedState(largestPart: largestPart), Entries())
        for change in world.changes {
            for operations in try state.writes(keeping: change) { entries.apply(operations) }
            state.kept(change)
            #expect(try entries.state.durable == state.durable, "after \(change)")
        }
        #expect(state.durable.committedSteps == 9)
        // Parts of earlier plans are gone.
        let parts = entries.values.keys.filter { $0.hasPrefix("planned/") }
        #expect(parts.isEmpty == (largestPart > 700))
        #expect(Set(parts.map { $0.split(separator: "/")[1] }).count <= 1)
    }

    @Test("a plan in parts is read as it was until all of the next one is there")
    func parts() throws {
        let old = try LargeValue("plan", version: 1, Data(repeating: 1, count: 90), largestPart: 40)
        let new = try LargeValue("plan", version: 2, Data(repeating: 2, count: 90), largestPart: 40)
        #expect(old.before.count == 3)
        var entries = Entries()
        for operations in old.before + [old.naming] { entries.apply(operations) }
        for operations in new.before {
            entries.apply(operations)
            #expect(
                try LargeValue.value("plan", in: entries.values) == Data(repeating: 1, count: 90)
            )
        }
        entries.apply(new.naming)
        #expect(try LargeValue.value("plan", in: entries.values) == Data(repeating: 2, count: 90))
        #expect(entries.values.count == 4, "the old parts are gone")
        entries.apply([.delete("plan/000000000002/000000000001")])
        #expect(throws: OobleckError.self) { try LargeValue.value("plan", in: entries.values) }
    }
}
