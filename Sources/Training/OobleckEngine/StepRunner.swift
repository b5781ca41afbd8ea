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
    private let trace: StepTrace

    private let step: Int
    private var previous: StageLink?
    private var next: StageLink?
    private var passes: [Int: [StageComputation.LayerPass]] = [:]
    /// Losses and counts of targets that the device may still be computing, by microbatch.
    private var lossTensors: [Int: (loss: Tensor, targetCount: Tensor?)] = [:]
    /// What the device did for each layer, not read yet.
    private var stretches: [(layer: Int, start: DeviceMoment, end: DeviceMoment)] = []
    private var busy = Seconds.zero
    /// Time in which this worker waited for others, a wait that was cut short included.
    private(set) var waited = Seconds.zero
    /// The part of ``waited`` that was for the sums of gradients.
    private var waitedForSums = Seconds.zero
    private let start = MonotonicTime.now
    private let clock: ComputeClock
    private var intervals: [Int: ComputeClock.Interval] = [:]
    private var nonFinite = NonFiniteLayers()
    /// How many times longer than necessary work takes, where that is staged.
    private let slowness: Double
    private var backwardsLeft: Int

    init(
        job: JobSpecification,
        model: any LayeredModel,
        assignment: StageAssignment,
        layers: [LayerState],
        source: MicrobatchSource,
        resources: GenerationResources,
        groupPlan: GroupPlan,
        faults: FaultInjector,
        sums: GradientSums,
        states: StateWatch,
        clock: ComputeClock,
        trace: StepTrace,
        step: Int
    ) throws {
        self.trace = trace
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
            model: model,
            seed: job.training.seed,
            layers: layers,
            recomputes: job.training.recomputes,
            precision: job.training.precision
        )
        instructions = assignment.schedule.instructions(
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
        let layer = isNext ? assignment.layers.upperBound : assignment.layers.lowerBound
        let boundary = computation.model.received(
            byLayer: layer,
            samples: job.training.microbatch
        )
        return StageLink(
            receives: try ReceiveQueue(
                group: group,
                peer: peer,
                direction: isNext ? .gradients : .activations,
                tensors: isNext ? boundary.filter { $0.kind == .float32 } : boundary,
                precision: job.training.precision,
                count: assignment.microbatches.count
            ),
            sends: SendQueue(
                group: group,
                peer: peer,
                direction: isNext ? .activations : .gradients
            )
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
        let losses = try lossTensors.mapValues { try $0.loss.item() }
        let targetCounts = try lossTensors.compactMapValues { try $0.targetCount.map(Self.count) }
        try readStretches()
        let spotCheck = try checkLayer()
        try sums.startTied()
        // No later operation of the step reads the parameters, so their digest is that of the
        // values used.
        let state = try states.observation(layers: computation.layers)
        try waiting(.send) {
            try previous?.sends.drain()
            try next?.sends.drain()
        }
        let waitedForNeighbours = waited
        try waiting(.sums) { try sums.wait() }
        waitedForSums = waited - waitedForNeighbours
        let count = job.training.microbatchCount
        var vote = StepVote(
            generation: resources.generation,
            step: step,
            squaredNorms: try sums.squaredNorms(microbatchCount: count),
            losses: losses,
            targetCounts: targetCounts,
            busy: busy,
            nonFinite: nonFinite,
            layerTimes: clock.times(intervals),
            state: state,
            spotCheck: spotCheck
        )
        vote.times.neighbourWait = waited - waitedForSums
        vote.times.sumWait = waitedForSums
        vote.times.elapsed = MonotonicTime.now - start
        return vote
    }

    /// What the layer of this step's check comes to here; `nil` in most steps.
    private func checkLayer() throws -> SpotCheck? {
        guard let layer = SpotCheckSchedule(job).layer(step: step),
            let state = computation.layers.first(where: { $0.layer == layer })
        else { return nil }
        try resources.checkAborted()
        return try LayerTrial(
            job: job,
            model: computation.model,
            isSpoiled: faults.miscomputes(step: step)
        )
        .check(state)
    }

    private func waiting<Result>(
        _ kind: TraceSpan.Kind,
        _ microbatch: Int? = nil,
        _ body: () throws -> Result
    ) rethrows -> Result {
        let start = MonotonicTime.now
        defer {
            waited += MonotonicTime.now - start
            trace.add(kind, microbatch: microbatch, since: start)
        }
        return try body()
    }

    private func computing<Result>(
        _ layer: LayerState,
        _ body: () throws -> Result
    ) throws -> Result {
        try resources.checkAborted()
        if TensorRuntime.isAsynchronous, slowness <= 1 {
            // The worker does not wait for the device, which reports its time later.
            let start = try DeviceMoment()
            let result = try body()
            stretches.append((layer.layer, start, try DeviceMoment()))
            return result
        }
        let start = clock.now
        let result = try computation.naming(layer, "step \(step)") {
            let result = try body()
            try TensorRuntime.synchronize()
            return result
        }
        if slowness > 1 {
            // A staged slow node repeats useless work in proportion to its own work.
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
        var activation = try waiting(.receive, microbatch) { try previous?.receives.next() } ?? []
        let start = MonotonicTime.now
        let batch = try source.batch(
            step: step,
            microbatch: microbatch,
            names: computation.batchNames
        )
        var layerPasses: [StageComputation.LayerPass] = []
        for (position, layer) in computation.layers.enumerated() {
            let pass = try computing(layer) {
                try computation.forward(
                    layer,
                    input: activation,
                    batch: batch,
                    step: step,
                    microbatch: microbatch
                )
            }
            if faults.spoils(.forward, layer: layer.layer, microbatch: microbatch, step: step) {
                if let first = pass.outputs.first { try Self.spoil(first) }
            }
            if faults.miscomputes(step: step) { try pass.outputs.first?.flipLowestBit() }
            layerPasses.append(pass)
            activation = pass.outputs
            if position == computation.layers.count / 2 {
                faults.reach(.midForward, step: step)
            }
        }
        passes[index] = layerPasses
        trace.add(.forward, microbatch: microbatch, since: start)
        let outputs = try activation.map { try $0.leaf(requiresGradient: false) }
        if assignment.isLastStage {
            lossTensors[microbatch] = (outputs[0], layerPasses.last?.targetCount)
        } else {
            try waiting(.send, microbatch) { try next?.sends.send(outputs) }
            faults.reach(.midSend, step: step)
        }
    }

    private func backward(_ index: Int) throws {
        guard let layerPasses = passes.removeValue(forKey: index) else {
            preconditionFailure("backward of microbatch \(index) before its forward")
        }
        backwardsLeft -= 1
        let microbatch = assignment.microbatches.lowerBound + index
        var seeds = try waiting(.receive, microbatch) { try next?.receives.next() } ?? []
        let start = MonotonicTime.now
        for (position, layer) in computation.layers.enumerated().reversed() {
            let (isComplete, received) = try computing(layer) {
                let gradients = try computation.backward(
                    layer,
                    layerPasses[position],
                    seeds: seeds
                )
                if faults.spoils(.backward, layer: layer.layer, microbatch: microbatch, step: step)
                {
                    if let first = gradients.parameters.first { try Self.spoil(first) }
                }
                var isComplete = try sums.add(gradients.parameters, layer: layer)
                let statistics = layerPasses[position].statistics
                if try !sums.add(statistics: statistics, layer: layer, microbatch: microbatch) {
                    isComplete = false
                }
                return (isComplete, gradients.received)
            }
            seeds = received
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
        trace.add(.backward, microbatch: microbatch, since: start)
        try waiting(.send, microbatch) { try previous?.sends.send(seeds) }
    }

    /// A gradient of `layer` is not finite: determines whether a forward pass of this stage caused
    /// it.
    private func noteNonFinite(
        _ layer: LayerState,
        _ layerPasses: [StageComputation.LayerPass]
    ) throws {
        nonFinite.gradients.insert(layer.layer)
        guard try Self.areFinite(layerPasses[0].received) else { return }
        for (layer, pass) in zip(computation.layers, layerPasses) {
            guard try Self.areFinite(pass.outputs) else {
                nonFinite.outputs.insert(layer.layer)
                return
            }
        }
    }

    private static func areFinite(_ tensors: [Tensor]) throws -> Bool {
        try tensors.allSatisfy { try !$0.isFloatingPoint || $0.isFinite() }
    }

    /// The number of targets that a model gives.
    static func count(_ tensor: Tensor) throws -> Int {
        let value = try tensor.item()
        guard let count = Int(exactly: value), count >= 0 else {
            throw OobleckError(.inputData, "the model counts \(value) targets")
        }
        return count
    }

    /// Makes the first number of a tensor not a number.
    private static func spoil(_ tensor: Tensor) throws {
        try tensor.withMutableBytes { bytes in
            unsafe bytes.storeBytes(of: Float.nan, as: Float.self)
        }
    }
}
