import OobleckCore

/// A worker process that keeps one number a layer, and complains of every message that does not
/// fit what it was told before.
package struct SimulatedWorker {
    /// A layer's state and the number of steps in it.
    package struct LayerState: Hashable {
        package var steps: Int
        package var value: UInt64
    }

    /// What the worker wants done.
    package enum Action {
        case say(WorkerMessage, after: Double)
        case ask(WorkerID, generation: Generation, layer: Int)
        case answer(WorkerID, generation: Generation, layer: Int, LayerState)
        case compute(generation: Generation, step: Int)
        case write(CheckpointOrder, layer: Int, LayerState)
        case load(RestorePoint, generation: Generation, layer: Int)
        case exit
    }

    /// How a processor computes wrong.
    enum Miscomputation: Hashable {
        case now, always
        /// In a third of its tries of a step.
        case atTimes
    }

    /// What all workers compute with.
    private static let arithmetic = Arithmetic(
        fingerprint: "f1f0",
        processor: "toy",
        library: "none",
        settings: ""
    )

    private enum Mode: Hashable {
        case waiting
        case preparing
        case prepared
        case evaluating(step: Int)
        case training(step: Int, voted: Bool)
    }

    /// Times that cannot have been measured.
    private static let nonsense = [
        0, -1, .nan, .infinity, -.infinity, 1e-300, 1e300, Double.leastNonzeroMagnitude,
    ]
    /// Time that one microbatch of a layer takes.
    private static let layerTime = 0.003

    package let id: WorkerID
    /// Whether it reports times that cannot have been measured.
    package var measuresNonsense = false
    /// Whether its steps never end, though it does all else.
    var crawls = false
    /// Whether its processor computes wrong from now on: each time otherwise, or each time alike.
    var miscomputes: Miscomputation?
    /// How many times longer than others it takes to compute.
    var slowness = 1.0
    /// Steps whose numbers are not finite, wherever they are computed.
    var wrongNumbers: [Int: WrongNumbers] = [:]
    /// What befell the state, and what it knows of that.
    var damage = StateDamage()
    /// The step that it was told to give up, having not voted.
    private var abandonedStep: Int?
    package internal(set) var layers: [Int: LayerState] = [:]
    /// Steps applied, with the generation of the commit.
    package private(set) var applied: [(step: Int, generation: Generation)] = []
    package private(set) var problems: [String] = []
    private var mode = Mode.waiting
    private var reconfiguration: Reconfiguration?
    private var staged: [Int: LayerState] = [:]
    /// Layers of the plan that is prepared which are held already.
    private var kept: Set<Int> = []
    private var introduced: Set<WorkerID> = []
    /// Requests of generations not heard of yet.
    private var early: [(worker: WorkerID, generation: Generation, layer: Int)] = []

    package init(id: WorkerID) { self.id = id }

    /// Whether its steps end, and come to the right bits from the right state.
    var isSound: Bool { !crawls && miscomputes == nil && !damage.isAny(layers) }

    package var generation: Generation { reconfiguration?.generation ?? Generation(-1) }

    func isPreparing(_ generation: Generation) -> Bool {
        generation == self.generation && mode == .preparing
    }

    func isComputing(_ generation: Generation, step: Int) -> Bool {
        generation == self.generation && mode == .training(step: step, voted: false)
    }

    /// Whether other workers hold the same layers: then what it computes is compared.
    private var hasCopies: Bool { (reconfiguration?.plan.pipelines.count ?? 0) > 1 }

    private var mine: [Int] { reconfiguration?.layersByWorker[id] ?? [] }

    private mutating func complain(_ what: String) { problems.append("worker \(id): \(what)") }

    package mutating func receive(
        _ message: CoordinatorMessage,
        random: inout SeededRandom
    ) -> [Action] {
        switch message {
        case .job:
            let ready = WorkerMessage.ready(corpusDigest: "c0ffee", arithmetic: Self.arithmetic)
            return [.say(ready, after: random.seconds(0...0.05))]
        case .reconfigure(let reconfiguration): return prepare(reconfiguration)
        case .resume(let generation, let step): return resume(generation, step: step)
        case .evaluate(let generation, let step): return evaluate(generation, step: step)
        case .commit(let commit): return apply(commit)
        case .abort(let generation, _):
            if generation == self.generation {
                switch mode {
                case .training(let step, voted: false), .evaluating(let step): abandonedStep = step
                default: break
                }
                mode = .waiting
                staged = [:]
            } else if generation > self.generation {
                complain("abort of unknown generation \(generation)")
            }
            return []
        case .rendezvous(let rendezvous):
            if rendezvous.generation > generation { complain("rendezvous before its plan") }
            guard rendezvous.generation == generation else { return [] }
            let (node, device) = (rendezvous.value[0], rendezvous.value[1])
            introduced.insert(WorkerID(NodeID(Int(node)), device: Int(device)))
            return reportIfPrepared()
        case .collect(let generation, let upload): return handIn(generation, upload)
        case .stop: return [.exit]
        case .checkpoint(let order): return save(order)
        }
    }

    private mutating func prepare(_ new: Reconfiguration) -> [Action] {
        if new.generation <= generation { complain("generation \(new.generation) again") }
        if case .training = mode { complain("plan \(new.generation) in the middle of a step") }
        reconfiguration = new
        mode = .preparing
        introduced = [id]
        (staged, kept) = ([:], [])
        let damaged = damagedLayers(toSend: new)
        guard damaged.isEmpty else {
            mode = .waiting
            return [.say(reportOfDamage(damaged), after: 0.001)]
        }
        var actions: [Action] = []
        if let point = new.restore {
            if point.step != new.committedSteps { complain("restore of \(point.step)") }
            actions = mine.map { .load(point, generation: new.generation, layer: $0) }
        } else if new.committedSteps == 0 {
            for layer in mine {
                staged[layer] = LayerState(steps: 0, value: ToyModel.initialState(layer))
            }
        } else {
            let incoming = new.transfers.filter { $0.receiver == id }
            for layer in mine where !incoming.contains(where: { $0.layer == layer }) {
                guard let held = layers[layer], held.steps == new.committedSteps else {
                    complain("layer \(layer) is not at step \(new.committedSteps) and not copied")
                    continue
                }
                staged[layer] = held
                kept.insert(layer)
            }
            for transfer in incoming {
                actions.append(
                    .ask(transfer.sender, generation: new.generation, layer: transfer.layer)
                )
            }
        }
        guard !mine.isEmpty else { return actions + answerEarly() }
        let key = Rendezvous(
            generation: new.generation,
            key: "address/\(id)",
            value: [UInt8(id.node.rawValue), UInt8(id.device)]
        )
        return actions + answerEarly() + [.say(.rendezvous(key), after: 0.001)] + reportIfPrepared()
    }

    private mutating func answerEarly() -> [Action] {
        let requests = early
        early = []
        return requests.flatMap { request(from: $0.worker, $0.generation, layer: $0.layer) }
    }

    /// Layers that it should send and must not, because they changed since its own last update.
    private func damagedLayers(toSend new: Reconfiguration) -> Set<Int> {
        let wanted = new.transfers.filter { $0.sender == id }.map(\.layer)
        return damage.layers(of: layers).intersection(wanted)
    }

    private func reportOfDamage(_ damaged: Set<Int>, _ wanted: Generation? = nil) -> WorkerMessage {
        .faulted(
            generation: wanted ?? generation,
            message: "its own state of layers \(damaged.sorted()) is damaged",
            FaultFindings(damagedLayers: damaged)
        )
    }

    /// Another worker asks for a layer.
    package mutating func request(
        from worker: WorkerID,
        _ wanted: Generation,
        layer: Int
    ) -> [Action] {
        guard wanted <= generation, let reconfiguration else {
            early.append((worker, wanted, layer))
            return []
        }
        guard wanted == generation else { return [] }
        guard let held = layers[layer], held.steps == reconfiguration.committedSteps else {
            let has = layers[layer].map { "step \($0.steps)" } ?? "nothing"
            complain("asked for layer \(layer) at \(reconfiguration.committedSteps), has \(has)")
            return []
        }
        guard damage.isIntact(layer, held) else {
            return [.say(reportOfDamage([layer]), after: 0.001)]
        }
        return [.answer(worker, generation: wanted, layer: layer, held)]
    }

    /// A layer arrives from another worker.
    package mutating func take(_ layer: Int, _ state: LayerState, of wanted: Generation) -> [Action]
    {
        guard wanted == generation, mode == .preparing else { return [] }
        staged[layer] = state
        return reportIfPrepared()
    }

    /// A layer is loaded from a checkpoint, or nothing where it is damaged.
    mutating func load(_ layer: Int, _ state: LayerState?, of wanted: Generation) -> [Action] {
        guard wanted == generation, mode == .preparing, let reconfiguration else { return [] }
        guard let state else {
            mode = .waiting
            let failure = RestoreFailure(
                generation: wanted,
                step: reconfiguration.committedSteps,
                message: "layer \(layer) of step \(reconfiguration.committedSteps) is damaged"
            )
            return [.say(.restoreFailed(failure), after: 0.001)]
        }
        if state.steps != reconfiguration.committedSteps { complain("loaded \(state.steps)") }
        staged[layer] = state
        return reportIfPrepared()
    }

    private mutating func save(_ order: CheckpointOrder) -> [Action] {
        order.layers.compactMap { layer in
            guard let state = layers[layer], state.steps == order.step else {
                let has = layers[layer].map { "step \($0.steps)" } ?? "nothing"
                complain("asked to save layer \(layer) at \(order.step), has \(has)")
                return nil
            }
            guard damage.isIntact(layer, state) else {
                let report = ShardReport(
                    generation: order.generation,
                    step: order.step,
                    layer: layer,
                    outcome: .failed("node \(id) finds its state of layer \(layer) damaged"),
                    heldUp: .zero
                )
                return .say(.shard(report), after: 0.001)
            }
            return .write(order, layer: layer, state)
        }
    }

    /// What the layer that is checked in a step comes to; each step has one.
    private func spotCheck(step: Int) -> SpotCheck? {
        let layer = step % ToyModel.layerCount
        guard let state = layers[layer] else { return nil }
        let wrong: UInt64 =
            switch miscomputes {
            case nil: 0
            case .now: UInt64(1 + generation.rawValue)
            case .always: 1 << 20
            case .atTimes:
                (scramble(UInt64(step)) &+ UInt64(generation.rawValue)) % 3 == 0
                    ? UInt64(1 + generation.rawValue) : 0
            }
        return SpotCheck(layer: layer, digest: state.value ^ wrong)
    }

    private mutating func reportIfPrepared() -> [Action] {
        guard mode == .preparing, let reconfiguration, mine.allSatisfy({ staged[$0] != nil }),
            introduced.isSuperset(of: reconfiguration.layersByWorker.keys), !mine.isEmpty
        else { return [] }
        mode = .prepared
        let copied = reconfiguration.transfers.filter { $0.receiver == id }.map(\.bytes)
        let sizes = [Int.max, -1, Int.min]
        let report = PreparationReport(
            generation: generation,
            rebuild: time(0.004, place: generation.rawValue),
            transfer: time(0.003, place: generation.rawValue + 1),
            received: measuresNonsense
                ? ByteCount(sizes[generation.rawValue % sizes.count]) : copied.reduce(0, +),
            abandoned: abandonedStep.map {
                AbandonedTry(step: $0, elapsed: 1000, waited: crawls ? 1 : 900)
            },
            fingerprint: reconfiguration.provesArithmetic.map { _ in
                miscomputes == .always ? "0ff" : Self.arithmetic.fingerprint
            }
        )
        abandonedStep = nil
        return [.say(.prepared(report), after: 0.002)]
    }

    private mutating func resume(_ wanted: Generation, step: Int) -> [Action] {
        let isEvaluated = mode == .evaluating(step: step)
        guard wanted == generation, mode == .prepared || isEvaluated || mine.isEmpty else {
            complain("resume of generation \(wanted) in generation \(generation), \(mode)")
            return []
        }
        if !isEvaluated { adopt(step: step) }
        guard !mine.isEmpty else { return [] }
        mode = .training(step: step, voted: false)
        return [
            .say(.resumed(generation: generation, step: step), after: 0.001),
            .compute(generation: generation, step: step),
        ]
    }

    private mutating func adopt(step: Int) {
        // What it held already is not copied: whatever befell it meanwhile, it has.
        for layer in kept { staged[layer] = layers[layer] }
        layers = staged
        damage.adopt(layers, keeping: kept)
        (staged, kept) = ([:], [])
        if reconfiguration?.restore != nil || step == 0 { applied.removeAll { $0.step >= step } }
    }

    private mutating func evaluate(_ wanted: Generation, step: Int) -> [Action] {
        guard wanted == generation, [.prepared, .waiting].contains(mode) || mine.isEmpty else {
            complain("evaluation of generation \(wanted) in generation \(generation), \(mode)")
            return []
        }
        if mode != .waiting || mine.isEmpty { adopt(step: step) }
        for (layer, state) in layers where state.steps != step {
            complain("layer \(layer) is evaluated at step \(step), and is at \(state.steps)")
        }
        guard !mine.isEmpty, let reconfiguration else { return [] }
        mode = .evaluating(step: step)
        let damaged = damage.layers(of: layers)
        guard damaged.isEmpty else { return [.say(reportOfDamage(damaged), after: 0.001)] }
        let begun = Action.say(.resumed(generation: generation, step: step), after: 0.001)
        guard !crawls, let last = layers[ToyModel.layerCount - 1] else { return [begun] }
        let report = EvaluationReport(
            generation: wanted,
            step: step,
            microbatches: ToyModel.microbatchCount,
            losses: losses(reconfiguration) {
                let loss = ToyModel.validationLoss(last.value, microbatch: $0)
                return wrongNumbers[step]?.spoilsEvaluation == true ? .nan : loss
            }
        )
        return [begun, .say(.evaluated(report), after: 0.01)]
    }

    /// The loss of each microbatch that this worker's pipeline runs.
    private func losses(
        _ reconfiguration: Reconfiguration,
        _ loss: (Int) -> Double
    ) -> [Int: Double] {
        var losses: [Int: Double] = [:]
        var first = 0
        for pipeline in reconfiguration.plan.pipelines {
            let indices = first..<first + pipeline.microbatches
            if reconfiguration.workers(of: pipeline).contains(id) {
                for index in indices { losses[index] = loss(index) }
            }
            first += pipeline.microbatches
        }
        return losses
    }

    /// The worker's share of a step is computed.
    package mutating func vote(of wanted: Generation, step: Int) -> [Action] {
        guard wanted == generation, mode == .training(step: step, voted: false),
            let reconfiguration
        else { return [] }
        mode = .training(step: step, voted: true)
        let count = reconfiguration.plan.pipelines.first {
            reconfiguration.workers(of: $0).contains(id)
        }?
        .microbatches
        var times: [Int: Seconds] = [:]
        for layer in layers.keys {
            let time = slowness * Self.layerTime * Double(count ?? 0)
            times[layer] = self.time(time, place: step + layer)
        }
        var losses: [Int: Double] = [:]
        if let last = layers[ToyModel.layerCount - 1] {
            losses = self.losses(reconfiguration) { ToyModel.loss(last.value, microbatch: $0) }
        }
        let wrong = wrongNumbers[step]
        if let wrong, wrong.spoilsLoss, losses[wrong.microbatch] != nil {
            losses[wrong.microbatch] = .nan
        }
        var norms = layers.mapValues { ToyModel.squaredNorm($0.value) }
        if let layer = wrong?.spoiledNorm, norms[layer] != nil { norms[layer] = .infinity }
        if hasCopies, let layer = damage.takeSum(layers), let norm = norms[layer] {
            norms[layer] = norm + 1
        }
        let vote = StepVote(
            generation: wanted,
            step: step,
            squaredNorms: norms,
            losses: losses,
            busy: time(0.01, place: step),
            nonFinite: findings(wrong, reconfiguration),
            layerTimes: times,
            state: damage.observation(layers),
            spotCheck: spotCheck(step: step)
        )
        return [.say(.vote(vote), after: 0)]
    }

    /// What it finds of numbers that are not finite, if its pipeline runs the microbatch that has them.
    private func findings(
        _ wrong: WrongNumbers?,
        _ reconfiguration: Reconfiguration
    ) -> NonFiniteLayers {
        guard let wrong, losses(reconfiguration, { _ in 0 })[wrong.microbatch] != nil else {
            return NonFiniteLayers()
        }
        return wrong.findings(of: Set(layers.keys))
    }

    /// A time as it is reported: right, or nonsense of a kind that `place` says, now and then right.
    func time(_ seconds: Double, place: Int) -> Seconds {
        guard measuresNonsense, place % (Self.nonsense.count + 1) != 0 else {
            return Seconds(seconds)
        }
        return Seconds(Self.nonsense[place % (Self.nonsense.count + 1) - 1])
    }

    private mutating func apply(_ commit: StepCommit) -> [Action] {
        guard commit.generation == generation,
            mode == .training(step: commit.step, voted: true)
        else {
            complain("commit of step \(commit.step) in generation \(generation), \(mode)")
            return []
        }
        for (layer, state) in layers {
            if state.steps != commit.step { complain("layer \(layer) at step \(state.steps)") }
            let value =
                commit.skips
                ? state.value
                : ToyModel.applied(state.value, coefficient: commit.gradientFactor)
            layers[layer] = LayerState(steps: state.steps + 1, value: value)
            guard !commit.skips else { continue }
            damage.noteUpdate(layer, from: state, to: &layers[layer], hasCopies: hasCopies)
        }
        applied.append((commit.step, commit.generation))
        guard !commit.pauses else {
            mode = .waiting
            return []
        }
        mode = .training(step: commit.step + 1, voted: false)
        return [.compute(generation: generation, step: commit.step + 1)]
    }

    private mutating func handIn(_ wanted: Generation, _ upload: [Int]) -> [Action] {
        let damaged = damage.layers(of: layers)
        let digests = layers.filter { !damaged.contains($0.key) }.mapValues { "\($0.value)" }
        var actions: [Action] =
            damaged.isEmpty ? [] : [.say(reportOfDamage(damaged, wanted), after: 0.002)]
        actions.append(.say(.digests(generation: wanted, digests: digests), after: 0.003))
        for (place, layer) in upload.enumerated() where !damaged.contains(layer) {
            guard let state = layers[layer] else {
                complain("asked to upload layer \(layer)")
                continue
            }
            let bytes = (0..<8).map { UInt8(truncatingIfNeeded: state.value >> (8 * $0)) }
            for part in 0..<2 {
                let chunk = LayerChunk(
                    generation: wanted,
                    layer: layer,
                    bytes: Array(bytes[(4 * part)..<(4 * part + 4)]),
                    isLast: part == 1
                )
                let delay = 0.004 * Double(2 * place + part + 1)
                actions.append(.say(.layerChunk(chunk), after: delay))
            }
        }
        return actions
    }
}
