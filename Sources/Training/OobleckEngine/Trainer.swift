import OobleckCore
import OobleckData
import OobleckModels
import OobleckTensor

/// The training thread of a worker: its layers, and its response to each message.
final class Trainer {
    /// What a job gives a worker, once it is loaded.
    struct Loaded {
        let job: JobSpecification
        let model: any LayeredModel
        let source: MicrobatchSource
        /// `nil` for a job that evaluates nothing.
        let validation: Validation?
        let preparation: Preparation
        let faults: FaultInjector
        let writer: CheckpointWriter
    }

    let worker: WorkerID
    private let host: String
    let link: any ControlLink
    private let end: @Sendable (WorkerEnding) -> Void
    let next: () -> CoordinatorMessage?
    let resources: (Generation) -> GenerationResources?

    private var loaded: Loaded?
    var held: [Int: LayerState] = [:]
    /// Steps in the state of the layers held.
    var heldSteps = 0
    var prepared: PreparedGeneration?
    /// Whether the layers of ``prepared`` are those that are held.
    private var isAdopted = false
    var states = StateWatch()
    let clock: ComputeClock
    let sharesMachine: () -> Bool
    let sumsPool = SumsPool()
    var decisionTimes = DecisionTimes()
    let trace = StepTrace()
    /// What applying the newest step of this generation took.
    var updateTime = Seconds.zero
    /// The last try of a step, if it ended without a vote.
    var abandoned: AbandonedTry?

    init(
        worker: WorkerID,
        host: String,
        link: any ControlLink,
        clock: ComputeClock,
        sharesMachine: @escaping () -> Bool,
        end: @escaping @Sendable (WorkerEnding) -> Void,
        next: @escaping () -> CoordinatorMessage?,
        resources: @escaping (Generation) -> GenerationResources?
    ) {
        self.worker = worker
        self.host = host
        self.link = link
        self.clock = clock
        self.sharesMachine = sharesMachine
        self.end = end
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
            case .evaluate(let generation, let step):
                try evaluate(generation, step: step)
            case .abort(let generation, _):
                if isOver(generation) { drop() }
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

    /// Whether the end of `generation` is the end of what is prepared: not where that is newer.
    func isOver(_ generation: Generation) -> Bool {
        guard let prepared else { return true }
        return prepared.reconfiguration.generation <= generation
    }

    /// Ends the current generation; the layers stay.
    func drop() {
        trace.write()
        prepared?.resources.release()
        prepared = nil
        isAdopted = false
        sumsPool.clear()
    }

    private func load(_ job: JobSpecification) throws {
        try TensorRuntime.use(job.cluster.device ?? .cpu)
        WorkerMemory.prepare(for: job)
        let data = try TrainingData.load(job)
        let validation = try ValidationData.load(job)
        let layered = try ModelFactory.model(of: job)
        let faults = FaultInjector(job: job, worker: worker, end: end)
        loaded = Loaded(
            job: job,
            model: layered,
            source: try MicrobatchSource(data: data, job: job, batch: layered.batch),
            validation: validation.map {
                Validation(
                    source: MicrobatchSource(validation: $0, job: job, batch: layered.batch),
                    batches: $0.batches
                )
            },
            preparation: Preparation(
                worker: worker,
                host: host,
                job: job,
                model: layered,
                faults: faults
            ),
            faults: faults,
            writer: CheckpointWriter(link: link) { [worker, end] in
                FaultInjector(job: job, worker: worker, end: end)
            }
        )
        let model = try ModelIdentity.digest(job)
        let arithmetic = try ArithmeticProbe(job: job, model: layered).run()
        link.send(
            .ready(
                corpusDigest: try data.digest(),
                modelDigest: model,
                arithmetic: arithmetic,
                validationDigest: try validation?.data.digest() ?? ""
            )
        )
    }

    /// Adopts the prepared state of a generation: from now on the worker holds its layers.
    ///
    /// Later calls change nothing. Returns nothing when the generation is over.
    func adopt(_ generation: Generation) throws -> PreparedGeneration? {
        guard let prepared, prepared.reconfiguration.generation == generation else { return nil }
        guard !isAdopted else { return prepared }
        held = prepared.adoptLayers()
        try requireLoaded().model.keepOnly(Set(held.keys))
        heldSteps = prepared.reconfiguration.committedSteps
        try states.adopt(held)
        isAdopted = true
        return prepared
    }

    func requireLoaded() throws -> Loaded {
        guard let loaded else {
            throw OobleckError(.internalFault, "the coordinator sent a plan before the job")
        }
        return loaded
    }
}
