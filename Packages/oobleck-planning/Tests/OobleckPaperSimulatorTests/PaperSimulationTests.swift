import OobleckSeeds
import OobleckSimulator
import OobleckValues
import Testing

@testable import OobleckPaperSimulator

@Suite(.timeLimit(.minutes(10))) struct PaperSimulationTests {
    @Test(
        "every published row comes out to a millionth",
        arguments: PublishedRows.all
    )
    func rows(_ row: PublishedRows.Row) throws {
        let result = try PaperSimulation.run(
            model: PaperModel(name: row.model),
            policy: PaperPolicy(name: row.policy),
            trace: TraceReader(path: PublicTraces.paper("\(row.trace).csv")).read()
        )
        let breakdown = result.breakdown
        let milliseconds: [Double] = [
            result.duration, breakdown.effective, breakdown.redundant, breakdown.rebalance,
            breakdown.restart, breakdown.checkpoint, breakdown.fallback, result.states.running,
            result.states.rendezvous, result.states.stopped,
        ]
        .map { (seconds: Double) in 1000 * seconds }
        let counts: [Double] = [
            result.throughput, Double(result.steps), Double(result.preemptions),
            Double(result.fatalFailures), result.averageNodes,
        ]
        for (index, (value, expected)) in zip(counts + milliseconds, row.values).enumerated() {
            let tolerance: Double = 1e-6 * max(expected.magnitude, 1e-3)
            let isClose = (value - expected).magnitude <= tolerance
            #expect(isClose, "value \(index + 1) is \(value), published \(expected)")
        }
    }

    @Test("a policy that cannot hold a model says so and has no throughput")
    func outOfMemory() throws {
        let trace = try Self.constant(nodes: 30, removals: [60_000_000])
        let result = try PaperSimulation.run(
            model: .gpt3With2700M,
            policy: .bamboo,
            trace: trace
        )
        #expect(result.throughput == 0)
        #expect(result.reason?.contains("out of memory") == true)
    }

    @Test("without failures the throughput is the table's", arguments: PaperModel.allCases)
    func undisturbed(_ model: PaperModel) throws {
        let trace = try Self.constant(nodes: 30, removals: [100_000_000])
        let result = try PaperSimulation.run(model: model, policy: .oobleck, trace: trace)
        let table = try #require(PaperTables.throughput(model, .oobleck))
        // Steps are whole milliseconds.
        #expect(abs(result.throughput - table[15]) < 1e-3 * table[15])
        #expect(result.states.stopped == 45)
    }

    @Test(
        "without stale timers Oobleck is a fifth faster on the spot trace"
    )
    func staleTimers() throws {
        let trace = try TraceReader(path: PublicTraces.paper("scale_p3-trace.csv")).read()
        func throughput(_ model: PaperModel) throws -> Double {
            try PaperSimulation.run(
                model: model,
                policy: .oobleck,
                trace: trace,
                corrections: .staleTimers
            )
            .throughput
        }
        // The same correction made in the published simulator itself: 271.0 and 3.18.
        #expect(abs(try throughput(.bertLarge) - 271.0) < 0.1)
        #expect(abs(try throughput(.gpt3With6700M) - 3.18) < 0.01)
    }

    @Test(
        "counted once, the breakdown is the time of the states",
        arguments: PaperPolicy.allCases
    )
    func countedOnce(_ policy: PaperPolicy) throws {
        let trace = try TraceReader(path: PublicTraces.paper("1h.csv")).read()
        let result = try PaperSimulation.run(
            model: .bertLarge,
            policy: policy,
            trace: trace,
            corrections: .all
        )
        let parts = result.breakdown
        let sum =
            parts.effective + parts.redundant + parts.rebalance + parts.restart + parts.checkpoint
            + parts.fallback
        let states = result.states.running + result.states.rendezvous
        #expect(abs(sum - states) < 0.01 * states, "\(parts)")
        #expect(abs(states + result.states.stopped - result.duration) < 1e-6)
    }

    @Test(
        "a step that ends before the checkpoint of the step before counts, as published"
    )
    func negativeStep() throws {
        let result = try PaperSimulation.run(
            model: .gpt2,
            policy: .varuna,
            trace: TraceReader(path: PublicTraces.paper("1h.csv")).read()
        )
        #expect(abs(result.throughput - 85.17071511234116) < 1e-9)
    }

    @Test("a trace that never has enough nodes is refused")
    func tooFewNodes() throws {
        let trace = try Self.constant(nodes: 11, removals: [1_000_000])
        #expect(throws: OobleckError.self) {
            try PaperSimulation.run(model: .gpt2, policy: .oobleck, trace: trace)
        }
    }

    @Test("where nodes go faster than a restart ends, corrected training never starts, and says so")
    func neverStarts() throws {
        let trace = try Self.constant(nodes: 30, removals: (1...15).map { $0 * 298_800 })
        let result = try PaperSimulation.run(
            model: .gpt3With6700M,
            policy: .varuna,
            trace: trace,
            corrections: .all
        )
        #expect(result.throughput == 0)
        #expect(result.steps == 0)
        #expect(result.reason?.contains("never starts") == true)
    }

    @Test("names are found whatever their case, others are listed")
    func names() throws {
        #expect(try PaperModel(name: "bert-LARGE") == .bertLarge)
        #expect(try PaperPolicy(name: "Varuna-nockpt") == .varunaWithoutOverhead)
        #expect(throws: OobleckError.self) { try PaperModel(name: "GPT-9") }
        #expect(throws: OobleckError.self) { try PaperPolicy(name: "hope") }
    }

    /// Nodes that are there from the start and go at these times, in milliseconds.
    static func constant(nodes: Int, removals: [Int]) throws -> PreemptionTrace {
        var events = (1...nodes).map {
            PreemptionTrace.Event(milliseconds: 0, change: .add, node: "node\($0)")
        }
        for (index, time) in removals.enumerated() {
            events.append(
                PreemptionTrace.Event(
                    milliseconds: time,
                    change: .remove,
                    node: "node\(index + 1)"
                )
            )
        }
        return try PreemptionTrace(events: events)
    }
}
