import OobleckCoordination
import OobleckCore
import OobleckWire
import SwiftProtobuf

extension WireWorkerInstruction {
    /// Throws when the job or the plan cannot be written as JSON.
    package init(_ instruction: WorkerInstruction) throws {
        self.init()
        switch instruction {
        case .welcome(let node, let budget, let wait):
            welcome = WireAdmission(
                node: node,
                detectionBudget: budget,
                coordinatorWait: wait
            )
        case .refused(let reason): refused = WireLine(reason: reason)
        case .message(let message): content = try OneOf_Content(message)
        case .heartbeat: heartbeat = WireHeartbeat()
        }
    }

    /// Throws one line that names the message when it makes no sense.
    package func instruction() throws -> WorkerInstruction {
        guard let content else { throw malformed("WorkerInstruction", "has no content") }
        switch content {
        case .welcome(let admission):
            let (node, budget, wait) = try admission.admission()
            return .welcome(node, detectionBudget: budget, coordinatorWait: wait)
        case .refused(let said): return .refused(reason: line(said.reason))
        case .heartbeat: return .heartbeat
        default: return .message(try content.message())
        }
    }
}

extension WireWorkerInstruction.OneOf_Content {
    fileprivate init(_ message: CoordinatorMessage) throws {
        switch message {
        case .job(let job): self = .job(try json(job))
        case .reconfigure(let reconfiguration): self = .reconfigure(try json(reconfiguration))
        case .resume(let generation, let step):
            self = .resume(
                .with {
                    $0.generation = Int64(generation.rawValue)
                    $0.step = Int64(step)
                }
            )
        case .evaluate(let generation, let step):
            self = .evaluate(
                .with {
                    $0.generation = Int64(generation.rawValue)
                    $0.step = Int64(step)
                }
            )
        case .commit(let commit): self = .commit(WireCommit(commit))
        case .abort(let generation, let reason):
            self = .abort(
                .with {
                    $0.generation = Int64(generation.rawValue)
                    $0.reason = reason
                }
            )
        case .rendezvous(let rendezvous): self = .rendezvous(WireRendezvousKey(rendezvous))
        case .collect(let generation, let upload):
            self = .collect(
                .with {
                    $0.generation = Int64(generation.rawValue)
                    $0.upload = upload.map(Int64.init)
                }
            )
        case .stop(let reason): self = .stop(WireLine(reason: reason))
        case .checkpoint(let order): self = .checkpoint(try json(order))
        }
    }

    fileprivate func message() throws -> CoordinatorMessage {
        switch self {
        case .welcome, .refused, .heartbeat:
            preconditionFailure("handled by the caller")
        case .job(let data): return .job(try decoded(data, "WorkerInstruction.job"))
        case .reconfigure(let data):
            return .reconfigure(try decoded(data, "WorkerInstruction.reconfigure"))
        case .resume(let resumption):
            return .resume(
                generation: try generation(resumption.generation, "Resumption"),
                step: try index(resumption.step, "Resumption.step")
            )
        case .evaluate(let evaluation):
            return .evaluate(
                generation: try generation(evaluation.generation, "Evaluation"),
                step: try index(evaluation.step, "Evaluation.step")
            )
        case .commit(let commit): return .commit(try commit.commit())
        case .abort(let abort):
            return .abort(
                generation: try generation(abort.generation, "Abort"),
                reason: line(abort.reason)
            )
        case .rendezvous(let key): return .rendezvous(try key.rendezvous())
        case .collect(let collection):
            return .collect(
                generation: try generation(collection.generation, "Collection"),
                upload: try collection.upload.map { try index($0, "Collection.upload") }
            )
        case .stop(let said): return .stop(reason: line(said.reason))
        case .checkpoint(let data):
            return .checkpoint(try decoded(data, "WorkerInstruction.checkpoint"))
        }
    }
}

extension WireCommit {
    fileprivate init(_ commit: StepCommit) {
        self.init()
        record = WireCommitRecord(commit.record)
        gradientFactor = commit.gradientFactor
        pauses = commit.pauses
        skips = commit.skips
    }

    fileprivate func commit() throws -> StepCommit {
        guard gradientFactor > 0, gradientFactor.isFinite else {
            throw malformed("Commit", "gradient factor is \(gradientFactor); it is positive")
        }
        return StepCommit(
            record: try record.record(),
            gradientFactor: gradientFactor,
            pauses: pauses,
            skips: skips
        )
    }
}
