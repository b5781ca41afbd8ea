import OobleckValues

/// The least T over all divisions, found by trying each one: an independent check that follows
/// `Documentation/Planner.md` (P1 to P5) word for word and shares no code with the planner.
struct ExhaustiveTemplates {
    let profile: ModelProfile
    let devicesPerNode: Int
    let costModel: CostModel
    /// Divisions tried that use all devices, feasible or not.
    let divisions = Tally()

    final class Tally {
        var count = 0
    }

    /// F and B of a stage with all-reduce entries that are all given.
    func times(_ layers: Range<Int>, devices: Int) -> (forward: Double, backward: Double) {
        var forward = 0.0
        var backward = 0.0
        var reduction = 0.0
        for layer in profile.layers[layers] {
            forward += layer.forward.value
            backward += layer.backward.value
            if devices > 1 { reduction += layer.allReduceInNode[devices]?.value ?? .nan }
        }
        return (forward / Double(devices) + reduction, backward / Double(devices) + reduction)
    }

    func fits(_ layers: Range<Int>, devices: Int, inFlight: Int) -> Bool {
        guard let memory = profile.deviceMemory else { return true }
        var need = 0
        for layer in profile.layers[layers] {
            need += layer.parameterBytes.value + layer.gradientBytes.value
            need += layer.optimizerBytes.value + inFlight * layer.activationBytes.value
        }
        return need <= devices * memory.value
    }

    /// T of stages with these w.
    func iterationTime(_ works: [Double]) -> Double {
        let count = works.count
        let slowest = works.max() ?? .nan
        let k = works.lastIndex(of: slowest) ?? 0
        let t1 = works.reduce(0, +)
        let t3 = works[k...].reduce(0, +)
        let t2: Double
        switch costModel {
        case .sosp23: t2 = Double(4 * count - count + k - 1) * slowest
        case .sosp23Artifact:
            t2 = count >= 2 ? Double(2 * count + k + 1) * slowest : 2 * slowest
        case .schedule: preconditionFailure("T of the schedule needs F and B")
        }
        return t1 + t2 + t3
    }

    /// F and B of a stage, and how long the link to the next is busy and how long it delays.
    struct Times {
        var forward: Double
        var backward: Double
        var busy = 0.0
        var latency = 0.0
    }

    /// The times of stages that follow one another from layer 0 on.
    func times(_ stages: [(layers: Range<Int>, devices: Int)]) -> [Times] {
        var used = 0
        return stages.map { stage in
            let own = times(stage.layers, devices: stage.devices)
            var result = Times(forward: own.forward, backward: own.backward)
            used += stage.devices
            // Between nodes, and not after the last layer.
            if used % devicesPerNode == 0, stage.layers.upperBound < profile.layers.count {
                let bytes = Double(profile.layers[stage.layers.upperBound - 1].outputBytes.value)
                if let rate = profile.linkBytesPerSecond { result.busy = bytes / rate }
                if let latency = profile.linkLatency { result.latency = latency.value }
            }
            return result
        }
    }

    /// T of stages with these times over so many devices.
    func iterationTime(_ times: [Times], devices: Int) -> Double {
        guard costModel == .schedule else {
            return iterationTime(times.map { $0.forward + $0.backward })
        }
        return oneForwardOneBackward(times, microbatches: 4 * devices)
    }

    /// The end of a step of 1F1B, by firing whatever can run until nothing is left.
    private func oneForwardOneBackward(_ times: [Times], microbatches: Int) -> Double {
        let count = times.count
        // When activations and gradients are there for the stage.
        var activations = [[Double]](repeating: [], count: count)
        var gradients = activations
        activations[0] = [Double](repeating: 0, count: microbatches)
        var forwards = [Int](repeating: 0, count: count)
        var backwards = forwards
        var clock = [Double](repeating: 0, count: count)
        // Until when the links to the stage after are busy, and those back.
        var ahead = clock
        var back = clock
        while backwards[0] < microbatches {
            for stage in 0..<count {
                let inFlight = forwards[stage] - backwards[stage]
                if forwards[stage] < microbatches && inFlight < count - stage {
                    guard forwards[stage] < activations[stage].count else { continue }
                    let arrival = activations[stage][forwards[stage]]
                    clock[stage] = max(clock[stage], arrival) + times[stage].forward
                    forwards[stage] += 1
                    if stage == count - 1 {
                        gradients[stage].append(clock[stage])
                    } else {
                        ahead[stage] = max(ahead[stage], clock[stage]) + times[stage].busy
                        activations[stage + 1].append(ahead[stage] + times[stage].latency)
                    }
                } else if inFlight > 0 {
                    guard backwards[stage] < gradients[stage].count else { continue }
                    let arrival = gradients[stage][backwards[stage]]
                    clock[stage] = max(clock[stage], arrival) + times[stage].backward
                    backwards[stage] += 1
                    if stage > 0 {
                        let link = times[stage - 1]
                        back[stage - 1] = max(back[stage - 1], clock[stage]) + link.busy
                        gradients[stage - 1].append(back[stage - 1] + link.latency)
                    }
                }
            }
        }
        return clock.max() ?? 0
    }

    /// The least T, or `nil` if nothing fits.
    func minimum(nodes: Int) -> Double? {
        var best: Double?
        var stages: [(layers: Range<Int>, devices: Int)] = []
        func extend(first: Int, usedDevices: Int) {
            if first == profile.layers.count {
                guard usedDevices == nodes * devicesPerNode else { return }
                divisions.count += 1
                let isFeasible = stages.enumerated().allSatisfy { index, stage in
                    fits(stage.layers, devices: stage.devices, inFlight: stages.count - index)
                }
                guard isFeasible else { return }
                let time = iterationTime(times(stages), devices: usedDevices)
                best = min(best ?? .infinity, time)
                return
            }
            let devicesLeft = nodes * devicesPerNode - usedDevices
            // Each node to go has a stage, and each stage a layer.
            let nodesLeft = (devicesLeft + devicesPerNode - 1) / devicesPerNode
            guard devicesLeft > 0, nodesLeft <= profile.layers.count - first else { return }
            let room = devicesPerNode - usedDevices % devicesPerNode
            for devices in [1, 2, 4] where devices <= room {
                for end in (first + 1)...profile.layers.count {
                    stages.append((first..<end, devices))
                    extend(first: end, usedDevices: usedDevices + devices)
                    stages.removeLast()
                }
            }
        }
        extend(first: 0, usedDevices: 0)
        return best
    }
}
