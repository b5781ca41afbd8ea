import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckFuzz

/// Damaged input for every reader of ours, case by case from a seed; for `Scripts/fuzz.sh`.
@main
struct OobleckFuzzCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "oobleck-fuzz",
        abstract: "Feed damaged input to all readers; any crash, hang or bad error is printed."
    )

    /// The longest that one case may take; most take under a millisecond.
    private static let longestCase: Seconds = 10
    /// The most memory that all cases together may take at any moment.
    private static let mostMemory = ByteCount(1 << 30)

    @Option(help: "Cases of each reader.")
    var cases = 1000

    @Option(help: "First case.")
    var first = 0

    @Option(help: "Where the damage is drawn from.")
    var seed: UInt64 = 1

    @Option(help: "Only this reader.")
    var target: String?

    @Option(help: "Write the input of the first case to this file instead of reading it.")
    var dump: String?

    func validate() throws {
        guard cases >= 1, first >= 0, first <= Int.max - cases else {
            throw ValidationError("--cases must be at least 1, --first at least 0.")
        }
    }

    func run() throws {
        Console.start()
        let folder = try FuzzFolder()
        let all = try FuzzTarget.files(in: folder) + FuzzTarget.wire()
        let chosen = all.filter { target == nil || $0.name == target }
        guard let only = chosen.first else {
            throw ValidationError("--target must be one of \(all.map(\.name)).")
        }
        if let dump {
            let input = only.input(seed: seed, index: first)
            return try Data(input).write(to: URL(fileURLWithPath: dump))
        }
        CaseWatch.start(patience: Self.longestCase)
        var complaints = 0
        try Console.result(
            "reader          cases  accepted   refused  complaints    slowest  memory"
        )
        for target in chosen { complaints += try run(target) }
        guard complaints == 0 else { throw ExitCode(1) }
    }

    private func run(_ target: FuzzTarget) throws -> Int {
        let tally = CaseWatch.watching(target.name) { begin in
            FuzzCampaign(target, seed: seed).run(first..<first + cases, begin: begin)
        }
        let memory = CaseWatch.peakMemory
        let row = String(
            format: "%@ %10d %9d %9d %11d %8.1f ms %4d MiB",
            target.name.padding(toLength: 14, withPad: " ", startingAt: 0),
            tally.cases,
            tally.accepted,
            tally.refused,
            tally.complaintCount,
            tally.slowest.time.value * 1000,
            memory.value >> 20
        )
        try Console.result(row)
        for (index, text) in tally.complaints { try Console.result("  case \(index): \(text)") }
        guard memory <= Self.mostMemory else {
            try Console.result(
                "  \(memory.value) bytes of memory; there should be \(Self.mostMemory.value)"
            )
            return tally.complaintCount + 1
        }
        return tally.complaintCount
    }
}
