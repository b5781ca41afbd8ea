import Dispatch
import OobleckCoordination
import OobleckCore
import Synchronization

/// Goes through every order of messages, deaths (the coordinator's, too) and joins of a small world, to a depth, from many
/// points of an undisturbed run.
///
/// Worlds that are alike in all that decides what can follow are gone through once from each point.
/// From each of them nothing more goes wrong, too, and the run must then complete as the
/// undisturbed one.
package struct SmallWorldSearch: Sendable {
    /// What came of it.
    package struct Report: Sendable {
        /// Points of the undisturbed run that it started from.
        package var starts = 0
        /// Different worlds of each point, and moves between them, over all points.
        package var worlds = 0
        package var moves = 0
        /// The moves that lead to a flaw, from the start on, and the flaw.
        package var flaw: (path: [String], what: String)?
    }

    /// Moves from each point on.
    package var depth: Int
    /// Moves of the undisturbed run from one point to the next.
    package var stride: Int
    package var kills = 1
    package var joins = 1
    package var crashes = 0
    package var steps = 2
    package var bugs: KnownBugs = []

    package init(depth: Int, stride: Int) {
        self.depth = depth
        self.stride = stride
    }

    /// Goes through all worlds; ends early after a flaw.
    package func run() throws -> Report {
        let points = try starts()
        let shared = Mutex((next: 0, report: Report(starts: points.count)))
        DispatchQueue.concurrentPerform(iterations: Campaign.cores) { _ in
            while true {
                let point = shared.withLock { state -> Int? in
                    guard state.next < points.count, state.report.flaw == nil else { return nil }
                    defer { state.next += 1 }
                    return state.next
                }
                guard let point else { return }
                let found = search(from: points[point])
                shared.withLock { state in
                    state.report.worlds += found.worlds
                    state.report.moves += found.moves
                    state.report.flaw = state.report.flaw ?? found.flaw
                }
            }
        }
        return shared.withLock { $0.report }
    }

    private typealias Node = (world: SmallWorld, path: [SmallWorld.Move])

    /// Points of the undisturbed run, `stride` moves apart.
    private func starts() throws -> [(world: SmallWorld, path: [SmallWorld.Move])] {
        var world = try SmallWorld(
            nodes: 3,
            steps: steps,
            kills: kills,
            joins: joins,
            crashes: crashes,
            bugs: bugs
        )
        var points: [Node] = []
        var path: [SmallWorld.Move] = []
        while let move = world.moves.first {
            if path.count % stride == 0 { points.append((world, path)) }
            world.make(move)
            path.append(move)
        }
        return points
    }

    /// Breadth first, so that a flaw is found by a shortest way.
    private func search(from start: (world: SmallWorld, path: [SmallWorld.Move])) -> Report {
        var report = Report()
        var seen: Set<UInt64> = [start.world.fingerprint]
        var frontier: [Node] = [start]
        for _ in 0..<depth {
            var next: [Node] = []
            for (world, path) in frontier {
                for move in world.moves + world.disturbances {
                    report.moves += 1
                    var child = world
                    child.make(move)
                    guard seen.insert(child.fingerprint).inserted else { continue }
                    next.append((child, path + [move]))
                    if let what = child.flaws().first {
                        report.flaw = (next[next.count - 1].path.map { "\($0)" }, what)
                        report.worlds = seen.count
                        return report
                    }
                }
            }
            frontier = next
        }
        report.worlds = seen.count
        return report
    }
}
