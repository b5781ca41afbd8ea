import Foundation
import OobleckValues

extension FailureModel {
    /// What happens to `nodes` nodes that all start, over a time; the same seed gives the same.
    public func history(
        nodes: Int,
        duration: SimulatedTime,
        seed: UInt64
    ) -> ClusterHistory {
        var world = FailureWorld(
            model: self,
            random: CounterRandom(seed: seed),
            nodes: nodes,
            duration: duration
        )
        return world.history()
    }
}

/// Draws the lives of all nodes, each from numbers of its own.
private struct FailureWorld {
    private enum Draw: Int, CaseIterable { case life, thinning, kind, repair, group }
    private enum Payload {
        case failure(Int)
        case repair(Int)
        case group(Int)
    }

    let model: FailureModel
    let random: CounterRandom
    let nodes: Int
    let duration: SimulatedTime
    private var queue = EventQueue<Payload>()
    /// The failure that each living node waits for; `nil` when it is gone.
    private var timers: [EventQueue<Payload>.Handle?]
    private var isAlive: [Bool]
    private var draws: [Int]
    private var changes: [(time: SimulatedTime, change: ClusterEvent.Change, node: Int)] = []

    init(model: FailureModel, random: CounterRandom, nodes: Int, duration: SimulatedTime) {
        self.model = model
        self.random = random
        self.nodes = nodes
        self.duration = duration
        timers = Array(repeating: nil, count: nodes)
        isAlive = Array(repeating: true, count: nodes)
        draws = Array(repeating: 0, count: nodes)
    }

    private func stream(_ node: Int, _ draw: Draw) -> Int {
        node * Draw.allCases.count + draw.rawValue
    }

    mutating func history() -> ClusterHistory {
        for node in 0..<nodes {
            changes.append((.zero, .join, node))
            scheduleFailure(of: node, after: .zero)
        }
        let groups = (nodes + model.groupSize - 1) / model.groupSize
        if model.groupMeanTimeBetweenFailures != nil {
            for group in 0..<groups { scheduleGroupFailure(of: group, after: .zero, index: 0) }
        }
        var groupFailures = [Int](repeating: 0, count: groups)
        while let (time, payload) = queue.next(), time < duration {
            switch payload {
            case .failure(let node): fail(node, at: time)
            case .repair(let node):
                isAlive[node] = true
                changes.append((time, .join, node))
                scheduleFailure(of: node, after: time)
            case .group(let group):
                let first = group * model.groupSize
                for node in first..<min(nodes, first + model.groupSize) where isAlive[node] {
                    lose(node, .crash, at: time)
                }
                groupFailures[group] += 1
                scheduleGroupFailure(of: group, after: time, index: groupFailures[group])
            }
        }
        return ClusterHistory(changes: changes, nodeCount: nodes, duration: duration)
    }

    /// With a daily rhythm, failures of the highest rate are drawn and thinned.
    private mutating func scheduleFailure(of node: Int, after start: SimulatedTime) {
        guard let mean = model.meanTimeBetweenFailures?.value else { return }
        var time = start
        while time < duration {
            let index = draws[node]
            draws[node] += 1
            let life = random.weibull(
                shape: model.weibullShape,
                stream: stream(node, .life),
                index: index
            )
            time = time + SimulatedTime(Seconds(life * mean / (1 + model.dailyAmplitude)))
            let phase = 2 * Double.pi * time.seconds / 86_400
            let share = (1 + model.dailyAmplitude * sin(phase)) / (1 + model.dailyAmplitude)
            guard random.uniform(stream: stream(node, .thinning), index: index) < share else {
                continue
            }
            timers[node] = queue.schedule(.failure(node), at: time)
            return
        }
    }

    private mutating func scheduleGroupFailure(
        of group: Int,
        after start: SimulatedTime,
        index: Int
    ) {
        guard let mean = model.groupMeanTimeBetweenFailures else { return }
        let wait = random.exponential(stream: stream(group, .group), index: index) * mean.value
        queue.schedule(.group(group), at: start + SimulatedTime(Seconds(wait)))
    }

    private mutating func fail(_ node: Int, at time: SimulatedTime) {
        let draw = random.uniform(stream: stream(node, .kind), index: draws[node])
        if draw < model.slowShare {
            changes.append((time, .slow(factor: model.slowFactor), node))
            scheduleFailure(of: node, after: time)
        } else {
            lose(node, draw < model.slowShare + model.hangShare ? .hang : .crash, at: time)
        }
    }

    private mutating func lose(_ node: Int, _ kind: ClusterEvent.Loss, at time: SimulatedTime) {
        if let timer = timers[node] { queue.cancel(timer) }
        timers[node] = nil
        isAlive[node] = false
        if model.notice > 0, kind == .crash {
            changes.append((max(.zero, time - SimulatedTime(model.notice)), .notice, node))
        }
        changes.append((time, .loss(kind), node))
        guard let mean = model.repairTime else { return }
        let wait = random.exponential(stream: stream(node, .repair), index: draws[node])
        queue.schedule(.repair(node), at: time + SimulatedTime(Seconds(wait * mean.value)))
    }
}
