import OobleckCore

/// Faults in which no process dies: wrong numbers, slow nodes, and many nodes that join.
///
/// Each is drawn apart from the rest: what else goes wrong in a world does not depend on it.
extension WorldSetup {
    /// Whether bits flip where no worker notices it alone.
    var hasUpdateFlips: Bool { faults.contains { $0.action == .flip(.update) } }

    mutating func drawSilentFaults(length: Double) {
        drawWrongNumbers()
        drawFlips(length: length)
        drawSlowness()
        drawStorm()
    }

    /// In an eighth of the worlds the numbers of some steps are not finite, wherever they are computed.
    private mutating func drawWrongNumbers() {
        var random = SeededRandom(seed: seed &* 0x5851_F42D &+ 331)
        guard random.chance(0.125) else { return }
        skipLimit = 2 + random.index(below: 3)
        var step = random.index(below: steps)
        for _ in 0..<(1 + random.index(below: 4)) {
            wrongNumbers[step] = WrongNumbers.drawn(from: &random)
            step += random.chance(0.7) ? 1 : 2
        }
        wrongNumbers = wrongNumbers.filter { $0.key < steps }
        // Deaths at that moment, of a node or of the coordinator.
        let delay = random.chance(0.5) ? 0 : random.seconds(0...0.03)
        let count = 1 + random.index(below: 8)
        let seconds = random.seconds(0...1)
        let actions: [WorldFault.Action] = [
            .kill(.worker, nodes: 1),
            .crashCoordinator(directives: random.index(below: 12), seconds: seconds),
        ]
        var action = actions[random.index(below: actions.count)]
        guard random.chance(0.7) else { return }
        if !isWithinTolerance, random.chance(0.5) {
            // The run goes back to a checkpoint, and does the step again.
            action = .killPipeline(.worker)
            checkpoint = CheckpointSpecification(.steps(1 + count % 3), keep: 2, wait: 20)
        }
        faults.append(WorldFault(.moment(.stepSkipped, count: count, delay: delay), action))
    }

    /// In an eighth of the worlds bits flip in memory, or a processor computes wrong at times.
    private mutating func drawFlips(length: Double) {
        var random = SeededRandom(seed: seed &* 0x1405_7B7F &+ 347)
        guard random.chance(0.125) else { return }
        let action: WorldFault.Action
        switch random.index(below: 8) {
        case 0: action = .miscomputeAtTimes
        case 1: action = .flip(.sum)
        case 2:
            // What an update leaves is compared before the next step only: with another fault before
            // that, no copy may be left which is right.
            (faults, evaluationPeriod) = ([], nil)
            action = .flip(.update)
        default: action = .flip(.state)
        }
        let count = action == .flip(.state) ? 1 + random.index(below: 4) : 1
        for _ in 0..<count {
            let moment = WorldFault.Moment.usual[random.index(below: 7)]
            let delay = random.chance(0.5) ? 0 : random.seconds(0...0.02)
            let trigger: WorldFault.Trigger =
                random.chance(0.5)
                ? .time(random.seconds(0...length))
                : .moment(moment, count: 1 + random.index(below: 8), delay: delay)
            faults.append(WorldFault(trigger, action))
        }
    }

    /// In a tenth of the worlds a worker gets slow, for a while or for good; they are longer than others,
    /// since it takes some steps to tell.
    private mutating func drawSlowness() {
        var random = SeededRandom(seed: seed &* 0x7FCA_5C97 &+ 353)
        guard random.chance(0.1), !hasUpdateFlips else { return }
        steps += 14 + random.index(below: 12)
        for _ in 0..<(random.chance(0.3) ? 2 : 1) {
            let factor = Double(2 + random.index(below: 9))
            let seconds = random.chance(0.5) ? random.seconds(0...2) : nil
            let time = random.seconds(0...(0.2 + 0.015 * Double(steps)))
            faults.append(WorldFault(.time(time), .slow(factor: factor, seconds: seconds)))
        }
    }

    /// In a twelfth of the worlds many nodes join at once, or one after the other; steps take long there.
    private mutating func drawStorm() {
        var random = SeededRandom(seed: seed &* 0x4C95_7F2D &+ 359)
        let isCrawling = faults.contains { $0.action == .crawl }
        guard random.chance(1.0 / 12), !isCrawling, !hasUpdateFlips else { return }
        pace = random.seconds(4...15)
        let count = 3 + random.index(below: 6)
        let seconds = random.chance(0.3) ? 0.05 : random.seconds(0.1...4)
        let length = 0.3 + 0.02 * pace * Double(steps)
        let time = random.seconds(0...length)
        faults.append(WorldFault(.time(time), .storm(nodes: count, seconds: seconds)))
    }
}

extension WrongNumbers {
    fileprivate static func drawn(from random: inout SeededRandom) -> WrongNumbers {
        let layer = random.index(below: ToyModel.layerCount)
        let places: [Place] = [
            .output(layer: layer), .gradient(layer: layer), .gradient(layer: layer), .loss, .loss,
            .evaluation,
        ]
        let place = places[random.index(below: places.count)]
        return WrongNumbers(place, microbatch: random.index(below: ToyModel.microbatchCount))
    }
}
