import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite("Slow nodes are found by their computing times", .timeLimit(.minutes(5)))
struct SpeedTrackerTests {
    /// Four nodes in two pipelines of two; layers 0 to 2 on the even ones, 3 to 5 on the odd ones,
    /// and the first layer is far cheaper than the others.
    private struct Cluster {
        var tracker = SpeedTracker()
        var random: SeededRandom
        var noise = 0.25

        mutating func step(_ slowness: [WorkerID: Double], load: Double = 1) -> [WorkerID] {
            var times: [WorkerID: [Int: Seconds]] = [:]
            for node in (0..<4).map({ WorkerID(NodeID($0)) }) {
                for layer in node.node.rawValue % 2 == 0 ? 0..<3 : 3..<6 {
                    let cost = layer == 0 ? 0.0005 : 0.004
                    let factor = (slowness[node] ?? 1) * load * (1 + random.seconds(0...noise))
                    times[node, default: [:]][layer] = Seconds(4 * cost * factor)
                }
            }
            return tracker.add(times, microbatches: [0: 4, 1: 4, 2: 4, 3: 4])
        }
    }

    @Test(
        "a node 2, 5 or 10 times slower is found within 5 steps, named alone, with its factor",
        arguments: [2.0, 5, 10],
        [0, 7]
    )
    func found(factor: Double, from start: Int) {
        for seed in 0..<20 {
            var cluster = Cluster(random: SeededRandom(seed: UInt64(seed)))
            for _ in 0..<start { #expect(cluster.step([:]) == []) }
            var steps = 0
            while cluster.tracker.slowness.isEmpty, steps < 6 {
                _ = cluster.step([2: factor])
                steps += 1
            }
            #expect(steps <= 5)
            #expect(cluster.tracker.slowness.keys.sorted() == [2])
            let found = cluster.tracker.slowness[2] ?? 0
            #expect(found > 0.6 * factor && found < 1.4 * factor, "\(found)")
        }
    }

    @Test("noise, a load on all nodes, and one slow step make no node slow")
    func notFound() {
        for seed in 0..<50 {
            var cluster = Cluster(random: SeededRandom(seed: UInt64(seed)), noise: 0.6)
            for step in 0..<60 {
                let hiccup: [WorkerID: Double] = step % 10 == 5 ? [1: 8] : [:]
                #expect(cluster.step(hiccup, load: step / 20 == 1 ? 4 : 1) == [])
            }
        }
    }

    @Test("a node that is as fast as the others again is said to be")
    func recovered() {
        var cluster = Cluster(random: SeededRandom(seed: 1))
        for _ in 0..<8 { _ = cluster.step([3: 3]) }
        #expect(cluster.tracker.slowness.keys.sorted() == [3])
        var changed: [WorkerID] = []
        for _ in 0..<SpeedTracker.window { changed += cluster.step([:]) }
        #expect(changed == [3])
        #expect(cluster.tracker.slowness.isEmpty)
    }

    @Test("times too short to tell from noise say nothing")
    func tooShort() {
        var tracker = SpeedTracker()
        for _ in 0..<20 {
            let times: [WorkerID: [Int: Seconds]] = [0: [0: 0.0001], 1: [0: 0.0009]]
            #expect(tracker.add(times, microbatches: [0: 1, 1: 1]) == [])
        }
    }
}
