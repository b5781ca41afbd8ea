import OobleckCore

/// The least T over all divisions, found by trying each one: an independent check that follows
/// DESIGN, sections 3.1 and 3.2, word for word and shares no code with the planner.
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

    /// T of stages with these F and B over so many devices.
    func iterationTime(_ times: [(forward: Double, backward: Double)], devices: Int) -> Double {
        guard costModel == .schedule else {
            return iterationTime(times.map { $0.forward + $0.backward })
        }
        return oneForwardOneBackward(times, microbatches: 4 * devices)
    }

    /// The end of a step of 1F1B, by firing whatever can run until nothing is left.
    private func oneForwardOneBackward(
        _ times: [(forward: Double, backward: Double)],
        microbatches: Int
    ) -> Double {
        let count = times.count
        var forwards = [[Double]](repeating: [], count: count)
        var backwards = forwards
        var clock = [Double](repeating: 0, count: count)
        while backwards[0].count < microbatches {
            for stage in 0..<count {
                let ahead = forwards[stage].count - backwards[stage].count
                let isForward = forwards[stage].count < microbatches && ahead < count - stage
                if isForward {
                    let next = forwards[stage].count
                    guard stage == 0 || next < forwards[stage - 1].count else { continue }
                    let arrival = stage == 0 ? 0 : forwards[stage - 1][next]
                    clock[stage] = max(clock[stage], arrival) + times[stage].forward
                    forwards[stage].append(clock[stage])
                } else if ahead > 0 {
                    let next = backwards[stage].count
                    let isLast = stage == count - 1
                    guard isLast || next < backwards[stage + 1].count else { continue }
                    let arrival = isLast ? 0 : backwards[stage + 1][next]
                    clock[stage] = max(clock[stage], arrival) + times[stage].backward
                    backwards[stage].append(clock[stage])
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
                let time = iterationTime(
                    stages.map { times($0.layers, devices: $0.devices) },
                    devices: usedDevices
                )
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
