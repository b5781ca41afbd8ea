import Foundation
import OobleckCore
import OobleckData

/// Goes through a ledger line by line: chain, steps, generations, samples, values.
///
/// After a return to a checkpoint the steps behind it are committed again. Their first lines count
/// no more, and the new ones must say the same: the state is the same bits.
struct LedgerVerifier {
    private let file: String
    private let globalBatch: Int
    /// `nil` for a job that evaluates nothing.
    private let validation: ValidationSpecification?
    private(set) var report: VerificationReport
    /// The step that was committed last, of those that count.
    var lastStep: CommittedStep? { steps.last }
    /// The last loss that is finite: a skipped step may have none.
    var lastLoss: Double? { steps.last { $0.loss.isFinite }?.loss }
    /// What the last state came to on the validation data; `nil` when it was not evaluated.
    var lastEvaluation: RecordedEvaluation? { evaluations[nextStep] }
    /// Digests of the states that were restored, by step.
    private(set) var restoredStates: [Int: String] = [:]

    private var lastHash = LedgerLine.genesis
    private var lastGeneration: Generation?
    private var lineNumber = 0
    private var nextStep = 0
    private var nextSample = 0
    /// The steps that count, in order.
    private var steps: [CommittedStep] = []
    /// What each state came to on the validation data, by step.
    private var evaluations: [Int: RecordedEvaluation] = [:]
    /// Steps of the states that were evaluated since the newest return to a checkpoint.
    private var evaluatedSteps: Set<Int> = []
    /// Steps that a return to a checkpoint took back, by number: what their second lines must say.
    private var superseded: [Int: CommittedStep] = [:]
    /// Whether the line before could be read, so that this one can be held against it.
    private var knowsPrevious = true

    /// Of the ledger of a run of `job`, in `file`.
    init(file: String, job: JobSpecification, report: VerificationReport = VerificationReport()) {
        self.file = file
        self.report = report
        globalBatch = job.training.globalBatch
        validation = job.validation
    }

    /// Reads the whole file; of one that is growing the last line may be unfinished.
    ///
    /// A missing one is an empty one.
    mutating func run(isGrowing: Bool = false) throws {
        guard FileManager.default.fileExists(atPath: file) else { return }
        let source = try OpenFile(file, for: .readInput)
        let bytes = try source.read(at: 0, count: try source.size())
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            check(rest[..<end])
            rest = rest[(end + 1)...]
        }
        if !rest.isEmpty, !isGrowing {
            lineNumber += 1
            violation("the line is truncated: it has \(counted(rest.count, "byte")) and no end")
        }
    }

    private mutating func check(_ bytes: ArraySlice<UInt8>) {
        lineNumber += 1
        let line: LedgerLine
        do {
            line = try JSONDecoder().decode(LedgerLine.self, from: Data(bytes))
        } catch {
            violation("not a ledger line: \(oneLine(error))")
            return passOver()
        }
        if case .step(let step) = line.entry, step.skipped == nil,
            !step.loss.isFinite || !step.gradientNorm.isFinite
        {
            violation(
                "loss \(numberForPeople(step.loss)), gradient norm "
                    + "\(numberForPeople(step.gradientNorm)): not finite"
            )
            return passOver()
        }
        if !bytes.elementsEqual(line.text.utf8) {
            violation("the line is not as it was written: it should read \(line.text)")
        }
        checkChain(line)
        switch line.entry {
        case .step(let step): check(step)
        case .restored(let restored): check(restored)
        case .arithmetic(let recorded): check(recorded)
        case .evaluation(let recorded): check(recorded)
        }
        lastHash = line.hash
        knowsPrevious = true
    }

    /// The line cannot be read: most likely it was that of the next step.
    private mutating func passOver() {
        knowsPrevious = false
        nextStep += 1
    }

    private mutating func check(_ step: CommittedStep) {
        if step.step != nextStep {
            violation("step \(step.step) stands where step \(nextStep) should")
        }
        checkGeneration(step.generation)
        checkSamples(step)
        checkEvaluation(before: step)
        if let first = superseded.removeValue(forKey: step.step),
            !Self.isSame(first.loss, step.loss)
                || !Self.isSame(first.gradientNorm, step.gradientNorm)
        {
            violation(
                "step \(step.step), done again, has loss "
                    + "\(numberForPeople(step.loss)) and gradient norm "
                    + "\(numberForPeople(step.gradientNorm)); the first time it had "
                    + "\(numberForPeople(first.loss)) and \(numberForPeople(first.gradientNorm))"
            )
        }
        nextStep = step.step &+ 1
        report.steps += 1
        if step.skipped != nil { report.skippedSteps += 1 }
        steps.append(step)
    }

    /// Equal, or both no number, which only skipped steps have.
    private static func isSame(_ left: Double, _ right: Double) -> Bool {
        left == right || left.isNaN && right.isNaN
    }

    /// No step is taken before its state is evaluated, where that is due.
    private mutating func checkEvaluation(before step: CommittedStep) {
        guard let validation, validation.isDue(after: step.step),
            !evaluatedSteps.contains(step.step)
        else { return }
        violation(
            "step \(step.step) follows a state that was not evaluated; evaluate.every is "
                + "\(validation.every)"
        )
    }

    private mutating func check(_ restored: RestoredRun) {
        checkGeneration(restored.generation)
        evaluatedSteps = []
        guard 0...max(0, nextStep) ~= restored.step else {
            violation("step \(restored.step) is restored after \(counted(nextStep, "step"))")
            return
        }
        while let last = steps.last, last.step >= restored.step {
            steps.removeLast()
            superseded[last.step] = last
            report.steps -= 1
            if last.skipped != nil { report.skippedSteps -= 1 }
            report.samplesCommitted &-= last.endSample - last.firstSample
            report.stepsRedone += 1
        }
        nextStep = restored.step
        nextSample = steps.last?.endSample ?? 0
        restoredStates[restored.step] = restored.stateSHA256
        report.restores += 1
    }

    private mutating func check(_ recorded: RecordedArithmetic) {
        if recorded.step != nextStep {
            violation(
                "the arithmetic is noted after \(counted(recorded.step, "step")), and there are "
                    + "\(nextStep)"
            )
        }
        if let last = report.arithmetic.last, last.fingerprint == recorded.arithmetic.fingerprint {
            return
        }
        report.arithmetic.append(recorded.arithmetic)
    }

    private mutating func check(_ evaluation: RecordedEvaluation) {
        if evaluation.step != nextStep {
            violation(
                "step \(evaluation.step) is evaluated after \(counted(nextStep, "step"))"
            )
        }
        checkGeneration(evaluation.generation)
        if evaluation.samples <= 0 || evaluation.samples % globalBatch != 0 {
            violation(
                "it is evaluated on \(counted(evaluation.samples, "sample")), which are no whole "
                    + "batches of \(globalBatch)"
            )
        }
        evaluatedSteps.insert(evaluation.step)
        let first = evaluations.updateValue(evaluation, forKey: evaluation.step)
        if let first, first.samples == evaluation.samples, !first.agrees(with: evaluation) {
            violation(
                "step \(evaluation.step), evaluated again, has loss "
                    + "\(numberForPeople(evaluation.loss)); the first time it had "
                    + numberForPeople(first.loss)
            )
        }
        report.evaluations = evaluations.count
    }

    private mutating func checkChain(_ line: LedgerLine) {
        let expected = LedgerLine(chaining: line.entry, to: line.previous).hash
        if line.hash != expected {
            violation("the hash is \(line.hash); the line's content gives \(expected)")
        }
        if knowsPrevious, line.previous != lastHash {
            violation("it is chained to \(line.previous); the line before has \(lastHash)")
        }
    }

    private mutating func checkGeneration(_ generation: Generation) {
        if let last = lastGeneration, generation < last {
            violation("generation \(generation) follows generation \(last)")
        }
        if lastGeneration != generation { report.generations += 1 }
        lastGeneration = generation
    }

    private mutating func checkSamples(_ step: CommittedStep) {
        let (first, end) = (step.firstSample, step.endSample)
        guard first >= 0, end > first else {
            violation("samples \(first) to \(end) are no range")
            return
        }
        report.samplesCommitted &+= end - first
        if end - first != globalBatch {
            violation(
                "the step has \(counted(end - first, "sample")); the global batch is \(globalBatch)"
            )
        }
        if first > nextSample {
            report.samplesLost &+= first - nextSample
            violation("samples \(nextSample) to \(first) are lost")
        } else if first < nextSample {
            report.samplesRepeated &+= min(nextSample, end) - first
            violation("samples \(first) to \(min(nextSample, end)) are used again")
        }
        nextSample = max(nextSample, end)
    }

    private mutating func violation(_ message: String) {
        report.violations.append(RunViolation(file: file, line: lineNumber, message: message))
    }
}
