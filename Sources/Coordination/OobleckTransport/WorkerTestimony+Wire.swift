import OobleckCoordination
import OobleckCore
import OobleckWire
import SwiftProtobuf

extension WireTestimony {
    init(_ testimony: WorkerTestimony) {
        self.init()
        if let digest = testimony.corpusDigest { corpusDigest = digest }
        if let digest = testimony.modelDigest { modelDigest = digest }
        if let digest = testimony.validationDigest { validationDigest = digest }
        if let known = testimony.arithmetic { arithmetic = WireArithmetic(known) }
        hasJob_p = testimony.hasJob
        if let generation = testimony.generation { self.generation = Int64(generation.rawValue) }
        if let prepared = testimony.prepared {
            self.prepared = .with { $0.layers = prepared.map(Int64.init) }
        }
        if let adopted = testimony.adopted { self.adopted = Int64(adopted.rawValue) }
        layers = testimony.layers.map(Int64.init)
        steps = Int64(testimony.steps)
        if let step = testimony.votedStep { votedStep = Int64(step) }
        commits = testimony.commits.map(WireCommitRecord.init)
    }

    func testimony() throws -> WorkerTestimony {
        guard commits.count <= WorkerMemory.provenCommits else {
            let what =
                "has \(counted(commits.count, "commit")); at most \(WorkerMemory.provenCommits) are told"
            throw malformed("Testimony", what)
        }
        var testimony = WorkerTestimony()
        if hasCorpusDigest { testimony.corpusDigest = corpusDigest }
        if hasModelDigest { testimony.modelDigest = modelDigest }
        if hasValidationDigest { testimony.validationDigest = validationDigest }
        if hasArithmetic { testimony.arithmetic = try arithmetic.arithmetic() }
        testimony.hasJob = hasJob_p
        if hasGeneration {
            testimony.generation = try OobleckTransport.generation(generation, "Testimony")
        }
        if hasPrepared {
            testimony.prepared = try prepared.layers.map { try index($0, "Testimony.prepared") }
        }
        if hasAdopted {
            testimony.adopted = try OobleckTransport.generation(adopted, "Testimony.adopted")
        }
        testimony.layers = try layers.map { try index($0, "Testimony.layers") }
        testimony.steps = try index(steps, "Testimony.steps")
        if hasVotedStep { testimony.votedStep = try index(votedStep, "Testimony.voted_step") }
        testimony.commits = try commits.map { try $0.record() }
        return testimony
    }
}

extension WireCommitRecord {
    init(_ record: CommittedStep) {
        self.init()
        step = Int64(record.step)
        generation = Int64(record.generation.rawValue)
        firstSample = Int64(record.firstSample)
        endSample = Int64(record.endSample)
        loss = record.loss
        gradientNorm = record.gradientNorm
        if let skipped = record.skipped { self.skipped = skipped }
        if let targets = record.targets { self.targets = Int64(targets) }
    }

    func record() throws -> CommittedStep {
        CommittedStep(
            step: try index(step, "CommitRecord.step"),
            generation: try OobleckTransport.generation(generation, "CommitRecord"),
            firstSample: try index(firstSample, "CommitRecord.first_sample"),
            endSample: try index(endSample, "CommitRecord.end_sample"),
            loss: loss,
            gradientNorm: gradientNorm,
            skipped: hasSkipped ? skipped : nil,
            targets: hasTargets ? try index(targets, "CommitRecord.targets") : nil
        )
    }
}
