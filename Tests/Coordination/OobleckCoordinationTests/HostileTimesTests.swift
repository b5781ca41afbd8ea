import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

private let hostile = [
    0, -1, .nan, .infinity, -.infinity, 1e-300, 1e300, Double.leastNonzeroMagnitude,
]

@Suite("Workers that report times nobody can have measured", .timeLimit(.minutes(5)))
struct HostileTimesTests {
    private let microbatches: [WorkerID: Int] = [0: 4, 1: 4, 2: 4, 3: 4]

    /// Two pipelines of two nodes; 10 ms a layer, or what `special` says.
    private func times(_ special: [WorkerID: Double]) -> [WorkerID: [Int: Seconds]] {
        var times: [WorkerID: [Int: Seconds]] = [:]
        for node in (0..<4).map({ WorkerID(NodeID($0)) }) {
            for layer in node.node.rawValue % 2 == 0 ? 0..<3 : 3..<6 {
                times[node, default: [:]][layer] = Seconds(special[node] ?? 0.01)
            }
        }
        return times
    }

    @Test("such a time counts for no verdict, on its node nor on others", arguments: hostile)
    func noVerdict(value: Double) {
        for liars in [[1], [0, 2], [0, 1, 2, 3]] as [[WorkerID]] {
            var tracker = SpeedTracker()
            let special = Dictionary(uniqueKeysWithValues: liars.map { ($0, value) })
            for step in 0..<40 {
                let times = times(step % 3 == 0 ? [:] : special)
                #expect(tracker.add(times, microbatches: microbatches) == [])
            }
            #expect(tracker.slowness.isEmpty)
        }
    }

    @Test("one layer without a time counts as a step without times")
    func partly() {
        var tracker = SpeedTracker()
        for _ in 0..<20 {
            var times = times([:])
            times[1]?[3] = 0
            times[1]?[4] = 5
            #expect(tracker.add(times, microbatches: microbatches) == [])
        }
    }

    @Test("slowness is bounded", arguments: [1e4, 1e6, 9e11])
    func bounded(factor: Double) {
        var tracker = SpeedTracker()
        for _ in 0..<4 { _ = tracker.add(times([:]), microbatches: microbatches) }
        let slow = min(1e6, 0.01 * factor)
        for _ in 0..<6 { _ = tracker.add(times([1: slow]), microbatches: microbatches) }
        #expect(tracker.slowness.keys.sorted() == [1])
        #expect(tracker.slowness[1] ?? 0 <= SpeedTracker.mostSlowness)
    }

    @Test("a slow node's verdict says what was compared")
    func comparison() throws {
        var tracker = SpeedTracker()
        for _ in 0..<4 { _ = tracker.add(times([:]), microbatches: microbatches) }
        for _ in 0..<6 { _ = tracker.add(times([1: 0.05]), microbatches: microbatches) }
        let compared = try #require(tracker.comparisons[1])
        // Three layers of 50 and of 10 ms in four microbatches.
        #expect(abs(compared.own.value - 0.0375) < 1e-9)
        #expect(abs(compared.peers.value - 0.0075) < 1e-9)
        for _ in 0..<6 { _ = tracker.add(times([:]), microbatches: microbatches) }
        #expect(tracker.comparisons.isEmpty)
    }

    @Test("a run whose workers report such times goes on as if they reported none")
    func run() throws {
        for value in hostile {
            var bench = try CoordinatorBench(
                nodes: 4,
                steps: 30,
                checkpoint: CheckpointSpecification(.youngDaly, keep: 1, wait: 20)
            )
            for _ in 0..<4 { try bench.join() }
            var all: [CoordinatorDirective] = []
            for node in bench.nodes {
                all += bench.say(
                    node,
                    .prepared(
                        PreparationReport(
                            generation: bench.generation,
                            rebuild: Seconds(value),
                            transfer: Seconds(value),
                            received: ByteCount(Int.max)
                        )
                    )
                )
            }
            all += bench.resumeAll()
            for _ in 0..<12 {
                bench.now += 0.05
                for node in bench.nodes {
                    var vote = bench.vote(node)
                    vote.busy = Seconds(value)
                    for layer in bench.layers(of: node) { vote.layerTimes[layer] = Seconds(value) }
                    all += bench.say(node, .vote(vote))
                }
            }
            #expect(bench.step == 12)
            all += bench.tell(.nodeLost(3, evidence: "killed"))
            #expect(all.events(.slow) == [] && all.events(.setAside) == [])
            #expect(all.events(.rebalanced) == [])
            let share = bench.coordinator.status(now: Seconds(bench.now)).idleShare ?? 0
            #expect((0...1).contains(share))
            // What the next plan's waits are made from is what the steps took, not what was said.
            let expected = try #require(bench.plan).expectedStep
            #expect(expected > 0 && expected < 1, "\(expected.value)")
        }
    }

    @Test("a step that fails with nobody lost is given more time when it is tried again")
    func patience() throws {
        var bench = try CoordinatorBench.training(nodes: 4, steps: 30)
        let before = try #require(bench.plan).expectedStep
        bench.now += 25
        for node in bench.nodes { bench.tell(.workerHeard(WorkerID(node))) }
        bench.say(0, .faulted(generation: bench.generation, message: "timed out"))
        bench.wait(1)
        let after = try #require(bench.plan).expectedStep
        #expect(before < 1)
        #expect(after >= 5 && after < 10, "\(after.value)")
    }
}
