import OobleckClock
import OobleckCore
import OobleckModels
import OobleckSchedule
import OobleckTensor

/// Runs one worker's share of one step: its stage's 1F1B schedule and the gradient summation.
final class StepRunner {
    private let job: JobSpecification
    private let assignment: StageAssignment
    private let computation: StageComputation
    private let source: MicrobatchSource
    private let resources: GenerationResources
    private let faults: FaultInjector
    private let instructions: [Instruction]
    private let sums: GradientSums
    private let states: StateWatch

    private let step: Int
    private var previous: StageLink?
    private var next: StageLink?
    private var passes: [Int: [StageComputation.LayerPass]] = [:]
    private var losses: [Int: Double] = [:]
    /// Losses that the device may still be computing, by microbatch.
    private var lossTensors: [Int: Tensor] = [:]
    /// What the device did for each layer, not read yet.
    private var stretches: [(layer: Int, start: DeviceMoment, end: DeviceMoment)] = []
    private var busy = Seconds.zero
    /// Time in which this worker waited for others, a wait that was cut short included.
    private(set) var waited = Seconds.zero
    private let clock: ComputeClock
    private var intervals: [Int: ComputeClock.Interval] = [:]
    private var nonFinite = NonFiniteLayers()
    /// How many times longer than necessary work takes, where that is staged.
    private let slowness: Double
    private var backwardsLeft: Int

    init(
        job: JobSpecification,
        assignment: StageAssignment,
        layers: [LayerState],
        source: MicrobatchSource,
        resources: GenerationResources,
        groupPlan: GroupPlan,
        faults: FaultInjector,
        sums: GradientSums,
        states: StateWatch,
        clock: ComputeClock,
        step: Int
    ) throws {
        self.job = job
        self.assignment = assignment
        self.source = source
        self.resources = resources
        self.faults = faults
        self.sums = sums
        self.states = states
        self.clock = clock
        self.step = step
        slowness = faults.slowness(step: step)
        computation = StageComputation(
            model: GPT2(job.model),
            seed: job.training.seed,
            layers: layers
        )
        instructions = OneForwardOneBackward.instructions(
            stage: assignment.stage,
            stageCount: assignment.stageCount,
            microbatches: assignment.microbatches.count
        )
        backwardsLeft = assignment.microbatches.count
        if let group = resources.group(groupPlan.pipelineGroups[assignment.pipeline]) {
            previous = try assignment.isFirstStage ? nil : link(group, isNext: false)
            next = try assignment.isLastStage ? nil : link(group, isNext: true)
        }
    }

    private func link(_ group: CommunicationGroup, isNext: Bool) throws -> StageLink {
        let peer = assignment.stage + (isNext ? 1 : -1)
        let shape = [job.training.microbatch, job.model.sequenceLength, job.model.hidden]
        let tags = [StageLink.Tag.activation, StageLink.Tag.gradient]
        return StageLink(
            receives: try ReceiveQueue(
                group: group,
                peer: peer,
                tag: isNext ? tags[1] : tags[0],
                shape: shape,
                count: assignment.microbatches.count
            ),
            sends: SendQueue(group: group, peer: peer, tag: isNext ? tags[0] : tags[1])
        )
    }

    /// Runs the whole schedule and waits for the sums: this worker's vote.
    func run() throws -> StepVote {
        for instruction in instructions {
            switch instruction {
            case .forward(let index): try forward(index)
            case .backward(let index): try backward(index)
            }
        }
        for (microbatch, loss) in lossTensors { losses[microbatch] = try loss.item() }
        try readStretches()
        let spotCheck = try checkLayer()
        try sums.startTied()
        // Nothing reads the parameters any more: what they are now is what was computed with.
        let state = try states.observation(layers: computation.layers)
        try waiting {
            try previous?.sends.drain()
            try next?.sends.drain()
            try sums.wait()
        }
        let count = job.training.microbatchCount
        return StepVote(
            generation: resources.generation,
            step: step,
            squaredNorms: try sums.squaredNorms(microbatchCount: count),
            losses: losses,
            busy: busy,
            nonFinite: nonFinite,
            layerTimes: clock.times(intervals),
            state: state,
            spotCheck: spotCheck
        )
    }

    /// What the layer of this step's check comes to here; `nil` in most steps.
    private func checkLayer() throws -> SpotCheck? {
        guard let layer = SpotCheckSchedule(job).layer(step: step),
            let state = computation.layers.first(where: { $0.layer == layer })
        else { return nil }
        try resources.checkAborted()
        return try LayerTrial(job: job, isSpoiled: faults.miscomputes(step: step)).check(state)
    }

    private func waiting<Result>(_ body: () throws -> Result) rethrows -> Result {
        let start = MonotonicTime.now
        defer { waited += MonotonicTime.now - start }
        return try body()
    }

    private func computing<Result>(
        _ layer: LayerState,
        _ body: () throws -> Result
    ) throws -> Result {
        try resources.checkAborted()
        if TensorRuntime.isAsynchronous, slowness <= 1 {
            // The device is not waited for: it says later how long it took.
            let start = try DeviceMoment()
            let result = try body()
            stretches.append((layer.layer, start, try DeviceMoment()))
            return result
        }
        let start = clock.now
        let result = try body()
        try TensorRuntime.synchronize()
        if slowness > 1 {
            // A staged slow node works on, to no use, by what its own work took.
            let own = clock.elapsed(since: start)
            let end = slowness * own.computing()
            var used = own
            while used.computing() < end {
                try resources.checkAborted()
                used = clock.elapsed(since: start)
            }
        }
        note(clock.elapsed(since: start), layer: layer.layer)
        return result
    }

    private func note(_ interval: ComputeClock.Interval, layer: Int) {
        busy += interval.wall
        intervals[layer] = intervals[layer, default: .init()] + interval
    }

    private func readStretches() throws {
        for (layer, start, end) in stretches {
            note(ComputeClock.Interval(wall: try end.elapsed(since: start)), layer: layer)
        }
        stretches = []
    }

    private func forward(_ index: Int) throws {
        let microbatch = assignment.microbatches.lowerBound + index
        var activation = try waiting { try previous?.receives.next() }
        let needsData = assignment.isFirstStage || assignment.isLastStage
        let data = try needsData ? source.batch(step: step, microbatch: microbatch) : nil
        var layerPasses: [StageComputation.LayerPass] = []
        for (position, layer) in computation.layers.enumerated() {
            let pass = try computing(layer) {
                try computation.forward(
                    layer,
                    input: activation,
                    data: data,
                    step: step,
                    microbatch: microbatch
                )
            }
            if faults.spoils(.forward, layer: layer.layer, microbatch: microbatch, step: step) {
                try Self.spoil(pass.output)
            }
            if faults.miscomputes(step: step) { try pass.output.flipLowestBit() }
            layerPasses.append(pass)
            activation = pass.output
            if position == computation.layers.count / 2 {
                faults.reach(.midForward, step: step)
            }
        }
        passes[index] = layerPasses
        guard let output = activation else { return }
        if assignment.isLastStage {
            lossTensors[microbatch] = try output.leaf(requiresGradient: false)
        } else {
            try waiting { try next?.sends.send(try output.leaf(requiresGradient: false)) }
            faults.reach(.midSend, step: step)
        }
    }

    private func backward(_ index: Int) throws {
        guard let layerPasses = passes.removeValue(forKey: index) else {
            preconditionFailure("backward of microbatch \(index) before its forward")
        }
        backwardsLeft -= 1
        var gradient = try waiting { try next?.receives.next() }
        for (position, layer) in computation.layers.enumerated().reversed() {
            let (isComplete, input) = try computing(layer) {
                let (parameters, input) = try computation.backward(
                    layer,
                    layerPasses[position],
                    seed: gradient
                )
                let microbatch = assignment.microbatches.lowerBound + index
                if faults.spoils(.backward, layer: layer.layer, microbatch: microbatch, step: step)
                {
                    if let first = parameters.first { try Self.spoil(first) }
                }
                return (try sums.add(parameters, layer: layer), input)
            }
            gradient = input
            if !isComplete { try noteNonFinite(layer, layerPasses) }
            if backwardsLeft == 0 { try sums.start(layer: layer.layer) }
            if position == computation.layers.count / 2 {
                faults.reach(.midBackward, step: step)
            }
        }
        let outside = try sums.takeOutOfRange()
        for layer in computation.layers where outside.contains(layer.layer) {
            try noteNonFinite(layer, layerPasses)
        }
        if let gradient { try waiting { try previous?.sends.send(gradient) } }
    }

    /// A gradient of `layer` is not finite: finds out whether a forward pass of this stage is why.
    private func noteNonFinite(
        _ layer: LayerState,
        _ layerPasses: [StageComputation.LayerPass]
    ) throws {
        nonFinite.gradients.insert(layer.layer)
        guard try layerPasses[0].input?.isFinite() ?? true else { return }
        for (layer, pass) in zip(computation.layers, layerPasses) {
            guard try pass.output.isFinite() else {
                nonFinite.outputs.insert(layer.layer)
                return
            }
        }
    }

    /// Makes the first number of a tensor not a number.
    private static func spoil(_ tensor: Tensor) throws {
        try tensor.withMutableBytes { bytes in
            unsafe bytes.storeBytes(of: Float.nan, as: Float.self)
        }
    }
}
