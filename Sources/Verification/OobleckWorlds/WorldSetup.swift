import OobleckCoordination
import OobleckCore

/// What a simulated world is made of: its nodes, its work, and what goes wrong.
///
/// A pure function of the seed.
package struct WorldSetup: Sendable {
    package var seed: UInt64
    package var nodes: Int
    /// Devices of each node.
    package var devices = 1
    package var steps: Int
    package var faultTolerance: Int
    /// Whether never more than `faultTolerance` nodes are hurt at once, and enough are left: then
    /// the run has to complete.
    ///
    /// Otherwise it may stop for a stated reason.
    package var isWithinTolerance: Bool
    package var faults: [WorldFault]
    /// How checkpoints are saved, and how often the disk fails a write or loses a layer.
    package var checkpoint: CheckpointSpecification?
    package var diskTrouble = 0.0
    /// Steps from one evaluation to the next; `nil` is none.
    package var evaluationPeriod: Int?
    /// Whether nodes look for another coordinator once they have not heard theirs for a budget, as they
    /// do where a standby may lead.
    package var hasStandby = false
    /// Whether the run's state is in a store that several coordinators share, and a standby waits.
    package var hasSharedStore = false
    /// Steps whose numbers are not finite, and after how many of them in a row training has diverged.
    package var wrongNumbers: [Int: WrongNumbers] = [:]
    package var skipLimit: Int?
    /// How many times longer than usual all workers take to compute.
    package var pace = 1.0
    /// Bugs put back in, to see that they are found.
    package var bugs: KnownBugs = []

    package init(
        seed: UInt64,
        nodes: Int,
        steps: Int,
        faultTolerance: Int,
        isWithinTolerance: Bool,
        faults: [WorldFault]
    ) {
        self.seed = seed
        self.nodes = nodes
        self.steps = steps
        self.faultTolerance = faultTolerance
        self.isWithinTolerance = isWithinTolerance
        self.faults = faults
    }

    /// The world of a seed; where it `isLoud`, without the faults in which no process dies.
    package init(seed: UInt64, isLoud: Bool = false) {
        var random = SeededRandom(seed: seed &* 0x9E37_79B9 &+ 77)
        let tolerance = random.chance(0.3) ? 2 : 1
        let isWithin = random.chance(0.6)
        let needed = (tolerance + 1) * ToyModel.minimumNodes
        let nodes =
            isWithin
            ? needed + Int.random(in: 1...4, using: &random)
            : Int.random(in: 2...8, using: &random)
        let steps = Int.random(in: 2...12, using: &random)
        let length = 0.3 + 0.05 * Double(steps)
        let count = Int.random(in: 1...6, using: &random)
        let faults = (0..<count).map { _ in
            WorldFault.drawn(
                from: &random,
                length: length,
                faultTolerance: tolerance,
                isWithinTolerance: isWithin
            )
        }
        self.init(
            seed: seed,
            nodes: nodes,
            steps: steps,
            faultTolerance: tolerance,
            isWithinTolerance: isWithin,
            faults: faults
        )
        drawCheckpoints(from: &random, length: length)
        drawNonsense(length: length)
        drawCrawl(length: length)
        drawMiscomputation(length: length)
        drawRequests(from: &random, length: length)
        drawNewest(length: length)
        drawPower(length: length)
        var standby = SeededRandom(seed: seed &* 0xA5A5_1F3D &+ 211)
        hasStandby = standby.chance(0.4)
        var evaluation = SeededRandom(seed: seed &* 0x9FB2_1C65 &+ 251)
        if evaluation.chance(0.4) { evaluationPeriod = 1 + evaluation.index(below: 4) }
        // In a third of the worlds nodes have two devices, drawn apart from the rest.
        var devices = SeededRandom(seed: seed &* 0x6C8E_9CF5 &+ 307)
        if devices.chance(1.0 / 3) { self.devices = 2 }
        if !isLoud { drawSilentFaults(length: length) }
    }

    /// Fewest nodes that can hold the model.
    var minimumNodes: Int { devices == 1 ? ToyModel.minimumNodes : 1 }

    /// The world of a seed, with its state in a store that several coordinators share.
    package init(sharing seed: UInt64, isLoud: Bool = false) {
        self.init(seed: seed, isLoud: isLoud)
        (hasSharedStore, hasStandby) = (true, true)
        faults.removeAll { $0.action.kind == "lose-power" }
        var random = SeededRandom(seed: seed &* 0x7F4A_7C15 &+ 269)
        let length = 0.3 + 0.05 * Double(steps)
        for _ in 0..<(1 + random.index(below: 3)) {
            let seconds = random.seconds(0...8)
            let actions: [WorldFault.Action] = [
                .stallMembers(count: 1, seconds: seconds),
                .stallMembers(count: 2, seconds: seconds), .cutFromStore(seconds: seconds),
                .storeFull(seconds: seconds), .freezeCoordinator(seconds: seconds),
                .crashCoordinator(directives: random.index(below: 20), seconds: 0),
            ]
            let action = actions[random.index(below: actions.count)]
            let moment = WorldFault.Moment.allCases[random.index(below: 7)]
            let trigger: WorldFault.Trigger =
                random.chance(0.5)
                ? .time(random.seconds(0...(2 * length)))
                : .moment(
                    moment,
                    count: 1 + random.index(below: 6),
                    delay: random.seconds(0...0.02)
                )
            faults.append(WorldFault(trigger, action))
        }
    }

    /// In a quarter of the worlds some nodes measure nonsense, up to all of them.
    ///
    /// Drawn apart from the rest: what else goes wrong in a world does not depend on it.
    private mutating func drawNonsense(length: Double) {
        var random = SeededRandom(seed: seed &* 0xD1B5_4A32 &+ 131)
        guard random.chance(0.25) else { return }
        let count = 1 + random.index(below: nodes)
        let time = random.chance(0.5) ? 0 : random.seconds(0...length)
        faults.append(WorldFault(.time(time), .mismeasure(nodes: count)))
    }

    /// In a tenth of the worlds the steps of a node never end, drawn apart from the rest.
    private mutating func drawCrawl(length: Double) {
        var random = SeededRandom(seed: seed &* 0xB529_7A4D &+ 173)
        guard random.chance(0.1) else { return }
        faults.append(WorldFault(.time(random.seconds(0...length)), .crawl))
    }

    /// In a quarter of the worlds the lead is lost, a worker takes no messages, or one runs out of memory,
    /// drawn apart from the rest.
    private mutating func drawNewest(length: Double) {
        var random = SeededRandom(seed: seed &* 0x2545_F491 &+ 239)
        guard random.chance(0.25) else { return }
        let time = random.seconds(0...length)
        let seconds = random.seconds(0...3)
        let actions: [WorldFault.Action] = [
            .depose(seconds: seconds), .clog, .outOfMemory(seconds: seconds),
        ]
        faults.append(WorldFault(.time(time), actions[random.index(below: actions.count)]))
    }

    /// In a sixth of the worlds the coordinator's machine loses power, drawn apart from the rest.
    private mutating func drawPower(length: Double) {
        var random = SeededRandom(seed: seed &* 0x3C6E_F372 &+ 283)
        guard random.chance(1.0 / 6) else { return }
        for _ in 0..<(1 + random.index(below: 2)) {
            let action = WorldFault.Action.losePower(seconds: random.seconds(0...3))
            let moment = WorldFault.Moment.allCases[random.index(below: 7)]
            let delay = random.chance(0.5) ? 0 : random.seconds(0...0.02)
            let trigger: WorldFault.Trigger =
                random.chance(0.3)
                ? .time(random.seconds(0...length))
                : .moment(moment, count: 1 + random.index(below: 8), delay: delay)
            faults.append(WorldFault(trigger, action))
        }
    }

    /// In a tenth of the worlds a processor comes to compute wrong, drawn apart from the rest.
    private mutating func drawMiscomputation(length: Double) {
        var random = SeededRandom(seed: seed &* 0x68E3_1DA4 &+ 191)
        guard random.chance(0.1) else { return }
        let action = WorldFault.Action.miscompute(alike: random.chance(0.5))
        faults.append(WorldFault(.time(random.seconds(0...length)), action))
    }

    /// In some worlds people stop the run, and have it go on, or ask for a checkpoint.
    private mutating func drawRequests(from random: inout SeededRandom, length: Double) {
        func add(_ action: WorldFault.Action) {
            let moment = WorldFault.Moment.allCases[random.index(below: 7)]
            let delay = random.chance(0.5) ? 0 : random.seconds(0...0.02)
            let trigger: WorldFault.Trigger =
                random.chance(0.5)
                ? .time(random.seconds(0...length))
                : .moment(moment, count: 1 + random.index(below: 6), delay: delay)
            faults.append(WorldFault(trigger, action))
        }
        if random.chance(0.15) { add(.stop(atOnce: random.chance(0.2))) }
        if random.chance(0.1) { add(.save) }
    }

    /// A tenth of the worlds would save by the rule of Young and Daly, drawn apart from the rest.
    private var drawsYoungDaly: Bool {
        var random = SeededRandom(seed: seed &* 0x1656_67B1 &+ 223)
        return random.chance(0.1)
    }

    /// Half of the worlds save checkpoints; where more nodes may be lost than can be survived, new
    /// ones often come in time.
    private mutating func drawCheckpoints(from random: inout SeededRandom, length: Double) {
        guard random.chance(0.5) else { return }
        let steps = 1 + random.index(below: 4)
        checkpoint = CheckpointSpecification(
            drawsYoungDaly ? .youngDaly : .steps(steps),
            keep: 1 + random.index(below: 2),
            wait: 20
        )
        diskTrouble = random.chance(0.5) ? 0 : 0.2
        guard !isWithinTolerance, random.chance(0.8) else { return }
        self.steps += 6
        let rescuers = WorldFault.Action.join(nodes: 2 + random.index(below: 3))
        faults.append(WorldFault(.time(length + random.seconds(1...8)), rescuers))
    }
}

extension WorldFault {
    /// A fault by chance: half of them at a moment that matters, half at any time.
    static func drawn(
        from random: inout SeededRandom,
        length: Double,
        faultTolerance: Int,
        isWithinTolerance: Bool
    ) -> WorldFault {
        let action = Action.drawn(
            from: &random,
            faultTolerance: faultTolerance,
            isWithinTolerance: isWithinTolerance
        )
        if action == .replay, random.chance(0.7) {
            // A vote of the generation before is of most harm before the node votes again.
            let count = 2 + random.index(below: 8)
            let delay = random.seconds(0...0.02)
            return WorldFault(.moment(.resumeSent, count: count, delay: delay), action)
        }
        guard random.chance(0.5) else {
            return WorldFault(.time(random.seconds(0...length)), action)
        }
        let moment = Moment.usual[random.index(below: Moment.usual.count)]
        let count = 1 + random.index(below: moment == .voteHeard ? 20 : 4)
        let delay = random.chance(0.5) ? 0 : random.seconds(0...0.02)
        return WorldFault(.moment(moment, count: count, delay: delay), action)
    }
}

extension WorldFault.Action {
    static func drawn(
        from random: inout SeededRandom,
        faultTolerance: Int,
        isWithinTolerance: Bool
    ) -> WorldFault.Action {
        let target = WorldFault.Target.allCases[random.index(below: 4)]
        let process: WorldFault.Target = random.chance(0.5) ? .worker : .agent
        // Around the detection budget of 2 s: shorter goes unnoticed, longer makes a zombie.
        let seconds = random.seconds(0...6)
        let ways = WorldFault.Direction.allCases
        let damages = WorldFault.Damage.allCases
        switch random.index(below: 22) {
        case 0, 1, 2: return .kill(target, nodes: 1)
        case 3: return .kill(target, nodes: faultTolerance)
        case 4: return isWithinTolerance ? .kill(target, nodes: 1) : .killPipeline(target)
        case 5:
            let more = isWithinTolerance ? 0 : 1 + random.index(below: 2)
            return .kill(target, nodes: faultTolerance + more)
        case 6, 7: return .freeze(target == .machine ? .node : target, seconds: seconds)
        case 8, 9: return .cutOff(ways[random.index(below: 3)], seconds: seconds)
        // A group that does not form is given up after 6 s: the longest ones last for some.
        case 10: return .split(seconds: 5 * seconds)
        case 11: return .breakStream(process, damages[random.index(below: 3)])
        case 12: return .jitter(seconds: seconds)
        case 13:
            return random.chance(0.5)
                ? .freezeCoordinator(seconds: seconds) : .cutOffCoordinator(seconds: seconds)
        case 14: return .join(nodes: 1 + random.index(below: 3))
        case 15: return .flap(times: 1 + random.index(below: 3))
        case 16: return .drain
        case 17: return .falseAlarm
        case 18, 19:
            let count = random.chance(0.7) ? random.index(below: 30) : 0
            return .crashCoordinator(directives: count, seconds: random.seconds(0...2))
        case 20: return random.chance(0.5) ? .impostor(process) : .replay
        default:
            return random.chance(0.5) ? .replay : .diskFull(seconds: 3 * seconds)
        }
    }
}
