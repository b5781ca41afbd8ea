import Foundation
import OobleckCore
import Synchronization

/// Counts of work (states, messages, allocations, bytes), compared with the recorded ones of
/// `Benchmarks/Results/counts.json`.
///
/// A count is the same on every machine and in every run, unlike seconds. Lower is better for all.
package enum RecordedCounts {
    /// One count of the file.
    package struct Entry: Codable, Equatable, Sendable {
        package var count: Int
        package var unit: String

        package init(_ count: Int, unit: String) {
            self.count = count
            self.unit = unit
        }
    }

    /// What came of a comparison.
    package enum Verdict: Equatable, Sendable {
        case asRecorded
        /// One line that says how to record the lower count.
        case better(String)
        /// One line that says what is higher, and how to record it if that is meant.
        case worse(String)
    }

    /// The variable of the environment that has measured counts written to the file.
    package static let variable = "OOBLECK_RECORD_COUNTS"
    /// How far a count may be from the recorded one, in percent.
    package static let tolerance = 10

    /// The file with the recorded counts.
    package static let path = Checkout.path + "/Benchmarks/Results/counts.json"

    private static let file = Mutex(())

    /// Why a test of this count has to fail; `nil` where it is as recorded or better.
    ///
    /// Where it is better by more than the tolerance a line asks to record it. Where
    /// `OOBLECK_RECORD_COUNTS=1` it is recorded instead.
    package static func complaint(
        about name: String,
        _ count: Int,
        unit: String
    ) throws -> String? {
        let measured = Entry(count, unit: unit)
        let isRecording = ProcessInfo.processInfo.environment[variable] == "1"
        return try file.withLock { _ in
            var entries = try read(path)
            if isRecording {
                entries[name] = measured
                try write(entries, to: path)
                return nil
            }
            switch compare(name, measured, with: entries[name]) {
            case .asRecorded: return nil
            case .better(let line):
                print("note: \(line)")
                return nil
            case .worse(let line): return line
            }
        }
    }

    /// Compares a measured count with the recorded one of its name.
    package static func compare(
        _ name: String,
        _ measured: Entry,
        with recorded: Entry?
    ) -> Verdict {
        let cure = "\(variable)=1 swift test --filter Counts records it"
        guard let recorded else { return .worse("\(name) has no recorded count; \(cure)") }
        guard recorded.unit == measured.unit else {
            return .worse(
                "\(name) is counted in \(measured.unit), and recorded in \(recorded.unit); \(cure)"
            )
        }
        let what = "\(name) is \(measured.count) \(measured.unit), recorded \(recorded.count)"
        let margin = recorded.count * tolerance
        if measured.count * 100 > recorded.count * 100 + margin {
            return .worse("\(what): more than \(tolerance) % worse; where that is meant, \(cure)")
        }
        if measured.count * 100 < recorded.count * 100 - margin {
            return .better("\(what): more than \(tolerance) % better; \(cure)")
        }
        return .asRecorded
    }

    private static func read(_ path: String) throws -> [String: Entry] {
        guard FileManager.default.fileExists(atPath: path) else { return [:] }
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        return try JSONDecoder().decode([String: Entry].self, from: bytes)
    }

    private static func write(_ entries: [String: Entry], to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let bytes = try encoder.encode(entries) + Data("\n".utf8)
        try bytes.write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}
