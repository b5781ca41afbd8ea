import Dispatch
import OobleckClock
import OobleckCore
import OobleckData
import OobleckModels
import OobleckTensor

/// The training thread of a worker: what it holds, and how it answers each message.
final class Trainer {
    /// What a job gives a worker, once it is loaded.
    private struct Loaded {
        let job: JobSpecification
        let source: MicrobatchSource
        let preparation: Preparation
        let faults: FaultInjector
        let writer: CheckpointWriter
    }

    private let node: NodeID
    private let host: String
    private let link: any ControlLink
    private let next: () -> CoordinatorMessage?
    private let resources: (Generation) -> GenerationResources?

    private var loaded: Loaded?
    private var held: [Int: LayerState] = [:]
    /// Steps in the state of the layers held.
    private var heldSteps = 0
    private var prepared: PreparedGeneration?
    private var states = StateWatch()
    private let clock: ComputeClock
    private var scratch: Tensor?
    private(set) var decisionTimes = DecisionTimes()

    init(
        node: NodeID,
        host: String,
        link: any ControlLink,
        clock: ComputeClock,
        next: @escaping () -> CoordinatorMessage?,
        resources: @escaping (Generation) -> GenerationResources?
    ) {
        self.node = node
        self.host = host
        self.link = link
        self.clock = clock
        self.next = next
        self.resources = resources
    }

    /// Answers messages until told to stop (`true`) or until none can come (`false`).
    func run() throws -> Bool {
        while let message = next() {
            switch message {
            case .job(let job):
                try load(job)
            case .reconfigure(let reconfiguration):
                try prepare(reconfiguration)
            case .resume(let generation, let step):
                if try train(generation, from: step) { return true }
            case .abort:
                drop()
            case .collect(let generation, let upload):
                try collect(generation, upload: upload)
            case .stop:
                drop()
                return true
            case .checkpoint(let order):
                try save(order)
            case .commit, .rendezvous:
                break
            }
        }
        drop()
        return false
    }

    /// Ends the current generation; the layers stay.
    private func drop() {
        prepared?.resources.release()
        prepared = nil
    }

    private func load(_ job: JobSpecification) throws {
        let corpus = try Corpus.load(path: job.corpusPath, vocabulary: job.model.vocabulary)
        let weights = try job.initialWeightsPath.map { try WeightFolder(path: $0) }
        try weights?.requireFit(job.model)
        let faults = FaultInjector(job: job, node: node)
        loaded = Loaded(
            job: job,
            source: try MicrobatchSource(corpus: corpus, job: job),
            preparation: Preparation(
                node: node,
                host: host,
                job: job,
                initialWeights: weights,
                faults: faults
            ),
            faults: faults,
            writer: CheckpointWriter(link: link) { [node] in
                FaultInjector(job: job, node: node)
            }
        )
        let model = try ModelIdentity.digest(job)
        link.send(.ready(corpusDigest: corpus.digest, modelDigest: model))
    }

    private func requireLoaded() throws -> Loaded {
        guard let loaded else {
            throw OobleckError(.internalFault, "the coordinator sent a plan before the job")
        }
        return loaded
    }

    private func prepare(_ reconfiguration: Reconfiguration) throws {
        drop()
        let loaded = try requireLoaded()
        let generation = reconfiguration.generation
        guard let resources = resources(generation) else { return }
        let damaged = try damagedLayers(toSend: reconfiguration)
        guard damaged.isEmpty else {
            return link.send(
                .faulted(
                    generation: generation,
                    message: "its own state of layers \(damaged.sorted()) is damaged",
                    FaultFindings(damagedLayers: damaged)
                )
            )
        }
        let watch = watchReach(of: reconfiguration.plan, resources, loaded)
        defer { watch.cancel() }
        do {
            let (prepared, report) = try loaded.preparation.run(
                reconfiguration,
                resources: resources,
                held: held
            )
            self.prepared = prepared
            link.send(.prepared(report))
        } catch let error as TensorError where error.code != .outOfMemory {
            resources.release()
            guard error.code == .failed else { return }
            let budget = loaded.job.cluster.detectionBudget
            let unreached = resources.unreachedMembers(
                of: reconfiguration.plan,
                within: Deadlines(budget: budget).probe
            )
            link.send(
                .faulted(
                    generation: generation,
                    message: error.message,
                    FaultFindings(unreached: unreached)
                )
            )
        } catch let failure as CheckpointLoader.Failure {
            resources.release()
            let step = reconfiguration.committedSteps
            link.send(
                .restoreFailed(
                    RestoreFailure(generation: generation, step: step, message: failure.message)
                )
            )
        }
    }

    /// Says whom this worker does not reach while the plan is still being prepared.
    ///
    /// Two that do not reach each other are found by this: they wait in their connections for longer
    /// than the others wait for them, and are aborted before they fail.
    private func watchReach(
        of plan: ExecutionPlan,
        _ resources: GenerationResources,
        _ loaded: Loaded
    ) -> DispatchWorkItem {
        let deadlines = Deadlines(budget: loaded.job.cluster.detectionBudget)
        let link = link
        let watch = DispatchWorkItem {
            let unreached = resources.unreachedMembers(of: plan, within: deadlines.probe)
            guard !unreached.isEmpty else { return }
            link.send(
                .faulted(
                    generation: resources.generation,
                    message: "its groups do not form",
                    FaultFindings(unreached: unreached)
                )
            )
        }
        let queue = DispatchQueue.global(qos: .utility)
        queue.asyncAfter(deadline: .now() + deadlines.doubt.value, execute: watch)
        return watch
    }

    /// Layers that others are to get from here, and must not: they are not as this worker's own last
    /// update left them.
    private func damagedLayers(toSend reconfiguration: Reconfiguration) throws -> Set<Int> {
        let wanted = Set(reconfiguration.transfers.filter { $0.fromNode == node }.map(\.layer))
        return try wanted.filter { layer in
            try held[layer].map { try !states.isIntact(layer, $0) } ?? false
        }
    }

    private func reportFault(_ error: TensorError, generation: Generation) {
        guard error.code == .failed else { return }
        link.send(.faulted(generation: generation, message: error.message))
    }

    /// Trains under a prepared generation.
    ///
    /// Returns whether the coordinator said stop.
    private func train(_ generation: Generation, from first: Int) throws -> Bool {
        let loaded = try requireLoaded()
        guard let prepared, prepared.reconfiguration.generation == generation else { return false }
        held = prepared.adoptLayers()
        heldSteps = prepared.reconfiguration.committedSteps
        try states.adopt(held)
        guard let assignment = prepared.assignment else { return false }
        link.send(.resumed(generation: generation, step: first))
        var step = first
        while true {
            let sums: GradientSums
            do {
                sums = try compute(step, prepared, assignment, loaded)
            } catch let error as TensorError where error.code != .outOfMemory {
                reportFault(error, generation: generation)
                return false
            }
            let voted = MonotonicTime.now
            var answer = next()
            // Until the commit is applied, the state is still that of the boundary before the step.
            while case .checkpoint(let order) = answer {
                try save(order)
                answer = next()
            }
            decisionTimes.add(voted: voted, decided: MonotonicTime.now)
            switch answer {
            case .commit(let commit) where commit.step == step:
                if !commit.skips { try apply(commit, sums, loaded) }
                // What the generation before left; here it delays no recovery.
                if step == first { TensorRuntime.releaseFreeMemory() }
                if commit.pauses { return false }
                step += 1
            case .abort:
                drop()
                return false
            case .stop, nil:
                drop()
                return true
            case .some(let other):
                throw OobleckError(
                    .internalFault,
                    "expected the outcome of step \(step), got \(other)"
                )
            }
        }
    }

    /// Computes this worker's share of a step and votes for it.
    private func compute(
        _ step: Int,
        _ prepared: PreparedGeneration,
        _ assignment: StageAssignment,
        _ loaded: Loaded
    ) throws -> GradientSums {
        flip(.beforeStep, step, loaded)
        if loaded.faults.takesTooMuch(step: step) { _ = try Tensor.empty([1 << 50]) }
        let sums = try GradientSums(
            layers: held,
            groupPlan: prepared.groupPlan,
            resources: prepared.resources,
            microbatchCount: loaded.job.training.microbatchCount
        )
        let runner = try StepRunner(
            job: loaded.job,
            assignment: assignment,
            layers: assignment.layers.compactMap { held[$0] },
            source: loaded.source,
            resources: prepared.resources,
            groupPlan: prepared.groupPlan,
            faults: loaded.faults,
            sums: sums,
            states: states,
            clock: clock,
            step: step
        )
        let vote = try runner.run()
        loaded.faults.reach(.beforeVote, step: step)
        link.send(.vote(vote))
        loaded.faults.reach(.afterVote, step: step)
        flip(.afterVote, step, loaded)
        return sums
    }

    /// Damages the layers for which that is staged.
    private func flip(_ moment: BitFlipFault.Moment, _ step: Int, _ loaded: Loaded) {
        for layer in loaded.faults.takeFlips(moment, step: step) { held[layer]?.flipBit() }
    }

    /// Applies a committed step.
    ///
    /// Nothing that happens to others can undo it.
    private func apply(_ commit: StepCommit, _ sums: GradientSums, _ loaded: Loaded) throws {
        let training = loaded.job.training
        let update = AdamWUpdate(
            step: commit.step + 1,
            learningRate: LearningRateSchedule(training).rate(step: commit.step),
            beta1: training.beta1,
            beta2: training.beta2,
            weightDecay: training.weightDecay,
            epsilon: training.epsilon
        )
        heldSteps = commit.step + 1
        let size = held.values.flatMap(\.segments).map(\.count).max() ?? 0
        if (scratch?.count ?? 0) < size { scratch = try Tensor.empty([size]) }
        guard let scratch else { return }
        try states.noteUpdateToCome(held)
        flip(.inUpdate, commit.step, loaded)
        try sums.apply(
            update,
            clip: commit.clipCoefficient,
            microbatchCount: training.microbatchCount,
            scratch: scratch,
            afterSegment: { loaded.faults.reach(.midOptimizer, step: commit.step) }
        )
        try states.noteUpdate(held)
    }

    /// Copies the layers that a checkpoint wants of this node and has the copies written.
    ///
    /// Copying is all that training waits for.
    private func save(_ order: CheckpointOrder) throws {
        let loaded = try requireLoaded()
        if let unfinished = loaded.writer.unfinishedStep {
            let why = "node \(node) is still writing the checkpoint of step \(unfinished)"
            return loaded.writer.refuse(order, because: why)
        }
        guard order.step == heldSteps, order.layers.allSatisfy({ held[$0] != nil }) else {
            let has = "layers \(held.keys.sorted()) after \(heldSteps) steps"
            return loaded.writer.refuse(
                order,
                because: "node \(node) holds \(has), not \(order.layers) after \(order.step)"
            )
        }
        let damaged = try order.layers.filter { layer in
            try held[layer].map { try !states.isIntact(layer, $0) } ?? false
        }
        guard damaged.isEmpty else {
            let why = "node \(node) finds its state of layers \(damaged) damaged"
            return loaded.writer.refuse(order, because: why)
        }
        let watch = Stopwatch()
        let copies = try order.layers.compactMap { layer in
            try held[layer].map { (layer, try $0.stateBytes(model: loaded.job.model)) }
        }
        loaded.writer.start(
            CheckpointWriter.Copy(
                order: order,
                model: loaded.job.model,
                layers: copies,
                heldUp: watch.elapsed
            )
        )
    }

    /// Reports the digests of all layers held and uploads some of them.
    private func collect(_ generation: Generation, upload: [Int]) throws {
        let job = try requireLoaded().job
        link.send(
            .digests(
                generation: generation,
                digests: try held.mapValues { try $0.digest() }
            )
        )
        for layer in upload.sorted() {
            guard let state = held[layer] else {
                throw OobleckError(
                    .internalFault,
                    "asked to upload layer \(layer), which node \(node) does not hold"
                )
            }
            var upload = LayerUpload(layer: layer, generation: generation, link: link)
            try upload.run(state, model: job.model)
        }
    }
}
