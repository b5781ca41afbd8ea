import OobleckValues

/// One step of a plan, event by event: passes, messages on links, and sums of gradients layer by
/// layer.
///
/// Independent of the planner: nothing is computed ahead, each part acts on what reaches it.
struct StepSimulation {
    /// One pipeline: its stages with node and devices.
    struct Line {
        var stages: [(layers: Range<Int>, node: Int, devices: Int)]
        var microbatches: Int
    }

    private enum Event {
        case passed(line: Int, stage: Int, isForward: Bool)
        case gradientsDone(line: Int, stage: Int, layer: Int)
        case linkFree(line: Int, stage: Int, isForward: Bool)
        case arrived(line: Int, stage: Int, isForward: Bool)
        case summed(layer: Int)
    }

    private struct Stage {
        var isBusy = false
        var forwards = 0
        var backwards = 0
        var activations = 0
        var gradients = 0
    }

    private struct Link {
        var waiting = 0
        var isBusy = false
    }

    /// What a node still has to sum; the first is under way when `isBusy`.
    private struct Channel {
        var queue: [Int] = []
        var isBusy = false
    }

    private let profile: ModelProfile
    private let lines: [Line]
    private let inNode: (LayerProfile, Int) -> Double
    private let across: ([Int: Seconds], Int) -> Double
    private var now = 0.0
    private var events: [(time: Double, order: Int, event: Event)] = []
    private var order = 0
    private var states: [[Stage]]
    private var forwardLinks: [[Link]]
    private var backwardLinks: [[Link]]
    private var channels: [[Channel]]
    /// When each pipeline's last pass ends.
    private(set) var ends: [Double]
    /// When all is done.
    private(set) var end = 0.0

    /// Number of the shared matrix among the layers.
    private var tied: Int { profile.layers.count }

    init(
        profile: ModelProfile,
        lines: [Line],
        inNode: @escaping (LayerProfile, Int) -> Double = { $0.allReduceInNode[$1]?.value ?? 0 },
        across: @escaping ([Int: Seconds], Int) -> Double = { _, _ in 0 }
    ) {
        self.profile = profile
        self.lines = lines
        self.inNode = inNode
        self.across = across
        states = lines.map { $0.stages.map { _ in Stage() } }
        forwardLinks = lines.map { $0.stages.map { _ in Link() } }
        backwardLinks = forwardLinks
        channels = lines.map { line in
            [Channel](repeating: Channel(), count: (line.stages.last?.node ?? 0) + 1)
        }
        ends = lines.map { _ in 0 }
        run()
    }

    private mutating func run() {
        for line in lines.indices {
            states[line][0].activations = lines[line].microbatches
            start(line, 0)
        }
        while let next = events.indices.min(by: {
            (events[$0].time, events[$0].order) < (events[$1].time, events[$1].order)
        }) {
            let (time, _, event) = events.remove(at: next)
            now = time
            end = max(end, time)
            handle(event)
        }
    }

    private mutating func schedule(_ event: Event, after delay: Double) {
        order += 1
        events.append((now + delay, order, event))
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .passed(let line, let stage, let isForward):
            states[line][stage].isBusy = false
            if isForward {
                states[line][stage].forwards += 1
                if stage + 1 == lines[line].stages.count {
                    states[line][stage].gradients += 1
                } else {
                    forwardLinks[line][stage].waiting += 1
                    send(line, stage, isForward: true)
                }
            } else {
                states[line][stage].backwards += 1
                ends[line] = max(ends[line], now)
                if stage > 0 {
                    backwardLinks[line][stage - 1].waiting += 1
                    send(line, stage - 1, isForward: false)
                }
                if states[line][stage].backwards == lines[line].microbatches {
                    finish(line, stage)
                }
            }
            start(line, stage)
        case .gradientsDone(let line, let stage, let layer):
            channels[line][lines[line].stages[stage].node].queue.append(layer)
            sum()
        case .linkFree(let line, let stage, let isForward):
            if isForward {
                forwardLinks[line][stage].isBusy = false
            } else {
                backwardLinks[line][stage].isBusy = false
            }
            send(line, stage, isForward: isForward)
        case .arrived(let line, let stage, let isForward):
            if isForward {
                states[line][stage].activations += 1
            } else {
                states[line][stage].gradients += 1
            }
            start(line, stage)
        case .summed(let layer):
            for line in lines.indices {
                for node in holders(layer, line) {
                    channels[line][node].queue.removeFirst()
                    channels[line][node].isBusy = false
                }
            }
            sum()
        }
    }

    /// Starts the stage's next pass if it can.
    private mutating func start(_ line: Int, _ stage: Int) {
        let state = states[line][stage]
        let (count, microbatches) = (lines[line].stages.count, lines[line].microbatches)
        guard !state.isBusy, state.backwards < microbatches else { return }
        let isForward =
            state.forwards < microbatches && state.forwards - state.backwards < count - stage
        let inputs =
            isForward ? state.activations - state.forwards : state.gradients - state.backwards
        guard inputs > 0 else { return }
        states[line][stage].isBusy = true
        let (layers, _, devices) = lines[line].stages[stage]
        var duration = 0.0
        for layer in layers.reversed() {
            let profiled = profile.layers[layer]
            let time = isForward ? profiled.forward.value : profiled.backward.value
            duration += time / Double(devices) + (devices > 1 ? inNode(profiled, devices) : 0)
            if !isForward, state.backwards == microbatches - 1 {
                schedule(
                    .gradientsDone(line: line, stage: stage, layer: layer),
                    after: duration
                )
            }
        }
        schedule(.passed(line: line, stage: stage, isForward: isForward), after: duration)
    }

    /// Puts the next message on the link behind the stage, if it is free.
    private mutating func send(_ line: Int, _ stage: Int, isForward: Bool) {
        let link = isForward ? forwardLinks[line][stage] : backwardLinks[line][stage]
        guard link.waiting > 0, !link.isBusy else { return }
        let busy = Link(waiting: link.waiting - 1, isBusy: true)
        if isForward {
            forwardLinks[line][stage] = busy
        } else {
            backwardLinks[line][stage] = busy
        }
        let stages = lines[line].stages
        var (transfer, latency) = (0.0, 0.0)
        if stages[stage].node != stages[stage + 1].node {
            let bytes = profile.layers[stages[stage].layers.upperBound - 1].outputBytes.value
            if let rate = profile.linkBytesPerSecond { transfer = Double(bytes) / rate }
            latency = profile.linkLatency?.value ?? 0
        }
        let target = isForward ? stage + 1 : stage
        schedule(
            .arrived(line: line, stage: target, isForward: isForward),
            after: transfer + latency
        )
        schedule(.linkFree(line: line, stage: stage, isForward: isForward), after: transfer)
    }

    /// A node that is through with all its stages asks for the sum of what is shared.
    private mutating func finish(_ line: Int, _ stage: Int) {
        guard profile.tiedAllReduceAcrossNodes != nil else { return }
        let node = lines[line].stages[stage].node
        let isThrough = lines[line].stages.indices
            .filter { lines[line].stages[$0].node == node }
            .allSatisfy { states[line][$0].backwards == lines[line].microbatches }
        guard isThrough, holders(tied, line).contains(node) else { return }
        channels[line][node].queue.append(tied)
        sum()
    }

    private func holders(_ layer: Int, _ line: Int) -> [Int] {
        let stages = lines[line].stages
        if layer == tied { return Array(Set([stages[0].node, stages[stages.count - 1].node])) }
        return stages.filter { $0.layers.contains(layer) }.map(\.node)
    }

    /// Starts every sum that is next at all nodes that take part.
    private mutating func sum() {
        for layer in (0...tied).reversed() {
            var nodes = 0
            var isReady = true
            for line in lines.indices {
                for node in holders(layer, line) {
                    let channel = channels[line][node]
                    isReady = isReady && !channel.isBusy && channel.queue.first == layer
                    nodes += 1
                }
            }
            guard isReady else { continue }
            for line in lines.indices {
                for node in holders(layer, line) { channels[line][node].isBusy = true }
            }
            schedule(.summed(layer: layer), after: time(layer, nodes))
        }
    }

    private func time(_ layer: Int, _ nodes: Int) -> Double {
        let shared = profile.tiedAllReduceAcrossNodes
        if layer == tied { return nodes > 1 ? across(shared ?? [:], nodes) : 0 }
        guard nodes > 1 else { return 0 }
        let all = across(profile.layers[layer].allReduceAcrossNodes, nodes)
        guard let shared, layer == 0 || layer == tied - 1 else { return all }
        return max(0, all - across(shared, nodes))
    }
}
