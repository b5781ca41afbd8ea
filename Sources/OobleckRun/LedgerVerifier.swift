import Foundation
import OobleckCore
import OobleckData

/// Goes through a ledger line by line: chain, steps, generations, samples, values.
struct LedgerVerifier {
    private let file: String
    private let globalBatch: Int
    private(set) var report: VerificationReport
    private(set) var last: LedgerLine?
    private var lineNumber = 0
    private var nextSample = 0
    /// Whether the line before could be read, so that this one can be held against it.
    private var knowsPrevious = true

    init(file: String, globalBatch: Int, report: VerificationReport) {
        self.file = file
        self.globalBatch = globalBatch
        self.report = report
    }

    /// Reads the whole file.
    ///
    /// A missing one is an empty one.
    mutating func run() throws {
        guard FileManager.default.fileExists(atPath: file) else { return }
        let source = try OpenFile(file, for: .readInput)
        let bytes = try source.read(at: 0, count: try source.regularSize())
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            check(rest[..<end])
            rest = rest[(end + 1)...]
        }
        if !rest.isEmpty {
            lineNumber += 1
            violation("the line is truncated: it has \(rest.count) bytes and no end")
        }
    }

    private mutating func check(_ bytes: ArraySlice<UInt8>) {
        lineNumber += 1
        let line: LedgerLine
        do {
            line = try JSONDecoder().decode(LedgerLine.self, from: Data(bytes))
        } catch {
            violation("not a ledger line: \(oneLine(error))")
            knowsPrevious = false
            return
        }
        let step = line.committed
        guard step.loss.isFinite, step.gradientNorm.isFinite else {
            violation("loss \(step.loss), gradient norm \(step.gradientNorm): not finite")
            knowsPrevious = false
            return
        }
        if !bytes.elementsEqual(line.text.utf8) {
            violation("the line is not as it was written: it should read \(line.text)")
        }
        checkChain(line)
        checkOrder(step)
        checkSamples(step)
        report.steps += 1
        last = line
        knowsPrevious = true
    }

    private mutating func checkChain(_ line: LedgerLine) {
        let expected = LedgerLine(chaining: line.committed, to: line.previous).hash
        if line.hash != expected {
            violation("the hash is \(line.hash); the line's content gives \(expected)")
        }
        let previous = last?.hash ?? LedgerLine.genesis
        if knowsPrevious, line.previous != previous {
            violation("it is chained to \(line.previous); the line before has \(previous)")
        }
    }

    private mutating func checkOrder(_ step: CommittedStep) {
        let expected = knowsPrevious ? (last?.committed.step ?? -1) &+ 1 : lineNumber - 1
        if step.step != expected {
            violation("step \(step.step) stands where step \(expected) should")
        }
        let generation = last?.committed.generation ?? 0
        if step.generation < generation {
            violation("generation \(step.generation) follows generation \(generation)")
        }
        if last?.committed.generation != step.generation { report.generations += 1 }
    }

    private mutating func checkSamples(_ step: CommittedStep) {
        let (first, end) = (step.firstSample, step.endSample)
        guard first >= 0, end > first else {
            violation("samples \(first) to \(end) are no range")
            return
        }
        report.samplesCommitted &+= end - first
        if end - first != globalBatch {
            violation("the step has \(end - first) samples; the global batch is \(globalBatch)")
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
