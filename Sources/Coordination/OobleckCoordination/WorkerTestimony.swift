import OobleckCore

/// What a worker that comes back to a run tells its coordinator of itself.
package struct WorkerTestimony: Hashable, Sendable {
    /// Digest of its corpus, once it is ready.
    package var corpusDigest: String?
    /// Digest of the model it was told to train, once it is ready.
    package var modelDigest: String?
    /// Digest of the validation data, empty where there are none, once it is ready.
    package var validationDigest: String?
    /// What it computes with, once it is ready.
    package var arithmetic: Arithmetic?
    /// Whether it was told the job.
    package var hasJob = false
    /// The newest generation it was told to prepare for.
    package var generation: Generation?
    /// That generation's layers, in ascending order, once they are in place and until it is over or
    /// resumed.
    package var prepared: [Int]?
    /// The newest generation that it resumed; what it holds it has from there.
    package var adopted: Generation?
    /// The layers it holds, in ascending order.
    package var layers: [Int] = []
    /// How many steps are in the state of those layers.
    package var steps = 0
    /// The step it voted for and does not know the outcome of; its sums are still there.
    package var votedStep: Int?
    /// The newest commits it was told of, oldest first.
    package var commits: [CommittedStep] = []

    package init() {}
}

/// Keeps a worker's testimony from what it is told and says.
///
/// The training thread answers messages in order and without exception, so what it will hold
/// follows from what was handed to it, even before it has come to it.
package struct WorkerMemory: Sendable {
    /// Commits that a worker can prove.
    ///
    /// The ledger reaches the device once a second; this many steps are more than a second's.
    package static let provenCommits = 256

    private let worker: WorkerID
    private var plan: Reconfiguration?
    /// The newest generation that is known to be over.
    private var aborted: Generation?
    package private(set) var testimony = WorkerTestimony()
    /// A failure that ends the run, said while nobody may have heard it.
    package private(set) var failure: WorkerMessage?

    package init(worker: WorkerID) { self.worker = worker }

    /// The coordinator's message is handed to the training thread.
    package mutating func heard(_ message: CoordinatorMessage) {
        switch message {
        case .job: testimony.hasJob = true
        case .reconfigure(let reconfiguration):
            plan = reconfiguration
            testimony.generation = reconfiguration.generation
            testimony.prepared = nil
            testimony.votedStep = nil
        case .resume(let generation, let step), .evaluate(let generation, let step):
            guard let plan, plan.generation == generation else { return }
            testimony.adopted = generation
            testimony.prepared = nil
            testimony.layers = plan.layersByWorker[worker] ?? []
            testimony.steps = step
            // After a return to a checkpoint, what was committed behind it counts no more.
            testimony.commits.removeAll { $0.step >= step }
        case .commit(let commit):
            guard testimony.votedStep == commit.step else { return }
            testimony.votedStep = nil
            testimony.steps = commit.step + 1
            testimony.commits.append(commit.record)
            if testimony.commits.count > Self.provenCommits { testimony.commits.removeFirst() }
        case .abort(let generation, _):
            aborted = max(aborted ?? generation, generation)
            if let newest = testimony.generation, newest <= generation { testimony.prepared = nil }
            if let adopted = testimony.adopted, adopted <= generation { testimony.votedStep = nil }
        case .rendezvous, .collect, .stop, .checkpoint: break
        }
    }

    /// The training thread says something.
    package mutating func said(_ message: WorkerMessage) {
        switch message {
        case .ready(let corpus, let model, let arithmetic, let validation):
            testimony.validationDigest = validation
            testimony.corpusDigest = corpus
            testimony.modelDigest = model
            testimony.arithmetic = arithmetic
        case .prepared(let report):
            guard let plan, plan.generation == report.generation, !isOver(report.generation),
                testimony.adopted != report.generation
            else { return }
            testimony.prepared = plan.layersByWorker[worker] ?? []
        case .vote(let vote):
            guard vote.generation == testimony.adopted, vote.step == testimony.steps,
                !isOver(vote.generation)
            else { return }
            testimony.votedStep = vote.step
        case .failed: failure = failure ?? message
        case .resumed, .evaluated, .faulted, .rendezvous, .digests, .layerChunk, .shard,
            .restoreFailed:
            break
        }
    }

    /// An abort may have been handed over while what the thread says was on its way.
    private func isOver(_ generation: Generation) -> Bool {
        aborted.map { generation <= $0 } ?? false
    }
}
