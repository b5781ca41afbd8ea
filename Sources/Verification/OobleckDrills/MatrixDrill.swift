import Foundation
import OobleckClock
import OobleckCore
import OobleckRunFiles

/// Goes through rows of the fault matrix on real processes.
///
/// Each run trains the same job and is disturbed once; it must end by itself with the undisturbed
/// run's state, have used each sample once, and leave nothing behind.
package struct MatrixDrill: Sendable {
    package var laboratory: DrillLaboratory
    package var faults: [DrillFault]
    package var seed: UInt64
    /// Runs of each row.
    package var repeats: Int

    package init(
        laboratory: DrillLaboratory,
        faults: [DrillFault],
        seed: UInt64,
        repeats: Int
    ) {
        self.laboratory = laboratory
        self.faults = faults
        self.seed = seed
        self.repeats = repeats
    }

    /// Holds the drill: tells of each run as it begins, and shows each row as it is done.
    ///
    /// When it is cancelled, it ends the run at work and returns what there is so far; a row that was
    /// cut short has the runs that were done.
    package func run(
        into report: DrillReport,
        onProgress: (DrillProgress) -> Void = { _ in },
        onRow: (DrillRow) -> Void
    ) async throws -> DrillReport {
        var report = report
        let start = MonotonicTime.now
        do {
            try await hold(&report, onProgress, onRow)
        } catch  where Task.isCancelled {
            report.isInterrupted = true
        }
        report.duration = MonotonicTime.now - start
        return report
    }

    private func hold(
        _ report: inout DrillReport,
        _ onProgress: (DrillProgress) -> Void,
        _ onRow: (DrillRow) -> Void
    ) async throws {
        let start = MonotonicTime.now
        for reference in Set(faults.map(\.reference)).sorted() {
            report.references["\(reference)"] = try await state(of: reference)
        }
        let obstacle =
            faults.contains(where: \.needsNamespaces) ? await NetworkLaboratory.obstacle() : nil
        let counts = faults.map { Variant.all(of: $0, repeats: repeats).count }
        for (index, fault) in faults.enumerated() {
            var row = DrillRow(fault: fault)
            let began = MonotonicTime.now
            defer {
                row.duration = MonotonicTime.now - began
                if row.runs > 0 || !Task.isCancelled {
                    report.rows.append(row)
                    onRow(row)
                }
            }
            let lack = fault.needsNamespaces ? obstacle : nil
            let clocks = fault == .etcdClocksApart ? try await DrillEtcd.clockObstacle() : nil
            if let lack = lack ?? Self.obstacle(to: fault) ?? clocks {
                row.skip(lack)
                continue
            }
            let expected = report.references["\(fault.reference)"] ?? ""
            try await drill(fault, &row, expected) { number in
                onProgress(
                    DrillProgress(
                        row: index,
                        rowCount: faults.count,
                        fault: fault,
                        run: number,
                        runCount: counts[index],
                        doneCount: report.rows.reduce(number) { $0 + $1.runs },
                        leftCount: counts[index...].reduce(0, +) - number,
                        elapsed: MonotonicTime.now - start
                    )
                )
            }
        }
    }

    private static func obstacle(to fault: DrillFault) -> String? {
        switch fault {
        case .checkpointDiskFull, .runDiskFull: SmallDisk.obstacle
        case .checkpointDiskFaulty:
            FaultyDisk.compiler == nil ? "a faulty disk needs a C compiler" : nil
        case .jitter: DelayingLink.obstacle
        case .mutualTLS: DrillCertificates.obstacle
        case _ where fault.isShared: DrillEtcd.obstacle
        default: nil
        }
    }

    /// State of the undisturbed run: one process, one stage.
    private func state(of reference: DrillReference) async throws -> String {
        let name = "reference-f\(reference.tolerance)-\(reference.steps)-\(reference.staged.count)"
        let staged = reference.staged.flatMap { ["--fault", $0] }
        let run = try await laboratory.train(name, reference, ["--reference"] + staged)
        return try run.result().stateSHA256
    }

    private func drill(
        _ fault: DrillFault,
        _ row: inout DrillRow,
        _ expected: String,
        onRun: (Int) -> Void
    ) async throws {
        let variants = Variant.all(of: fault, repeats: repeats)
        for (number, variant) in variants.enumerated() where row.verdict != .skipped {
            let name = "\(fault.rawValue)-\(number)"
            onRun(number)
            let leaks = try Leaks()
            let attempt = Attempt(
                drill: self,
                fault: fault,
                variant: variant,
                name: name,
                random: DrillRandom(seed: seed, fault, number)
            )
            let ending: Attempt.Ending
            do {
                ending = try await attempt.execute()
            } catch  where !Task.isCancelled {
                row.runs += 1
                row.fail("\(name): \(lineForPeople("\(error)"))")
                continue
            }
            if let skipped = ending.skipped {
                row.skip(skipped)
                continue
            }
            row.runs += 1
            row.reasons += ending.notes.map { "\(name): \($0)" }
            row.leaks += try await leaks.find(after: ending.run).map { "\(name): \($0)" }
            try await ending.run.clear()
            let before = row.reasons.count
            try judge(ending, fault, name, expected, &row)
            if !row.leaks.isEmpty { row.verdict = .failed }
            // What was in order is not kept.
            if row.reasons.count == before, row.leaks.isEmpty {
                try FileManager.default.removeItem(atPath: ending.run.path)
                try FileManager.default.removeItem(atPath: ending.run.temporaryPath)
            }
        }
    }

    private func judge(
        _ ending: Attempt.Ending,
        _ fault: DrillFault,
        _ name: String,
        _ expected: String,
        _ row: inout DrillRow
    ) throws {
        for problem in ending.problems { row.fail("\(name): \(problem)") }
        guard ending.status == 0 else {
            row.isStateEqual = false
            let how = ending.status.map { "ended with status \($0)" } ?? "did not end"
            return row.fail("\(name): \(how): \(ending.run.lastLine)")
        }
        let result = try RunDirectory.open(path: ending.run.path).result()
        let verification = try RunVerifier.verify(ending.run.path)
        row.losses += result.failures
        if let hit = ending.coordinatorHit {
            let times = try RunTimings(
                coordinatorHit: hit,
                path: ending.run.path + "/events.jsonl"
            )
            row.detected += times.detected
            row.recovered += times.recovered
        } else if ending.hits.isEmpty {
            row.detected += result.recoveries.map(\.detect)
            row.recovered += result.recoveries.map(\.total)
        } else {
            let times = try RunTimings(hits: ending.hits, path: ending.run.path + "/events.jsonl")
            row.detected += times.detected
            row.recovered += times.recovered
        }
        row.samplesLost += verification.samplesLost
        row.samplesRepeated += max(verification.samplesRepeated, result.samplesRepeated)
        if result.stateSHA256 != expected {
            row.isStateEqual = false
            row.fail("\(name): state \(result.stateSHA256), undisturbed \(expected)")
        }
        if let first = verification.violations.first { row.fail("\(name): \(first)") }
        if result.failures < ending.leastLosses {
            row.fail(
                "\(name): \(counted(result.failures, "node")) lost, at least \(ending.leastLosses) hurt"
            )
        }
        if result.failures > ending.mostLosses {
            row.fail(
                "\(name): \(counted(result.failures, "node")) lost, only \(ending.mostLosses) hurt"
            )
        }
    }
}

/// SplitMix64, seeded by the drill's seed, the row and the run.
struct DrillRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    init(seed: UInt64, _ fault: DrillFault, _ number: Int) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(number)
        for byte in fault.rawValue.utf8 { state = state &* 31 &+ UInt64(byte) }
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
