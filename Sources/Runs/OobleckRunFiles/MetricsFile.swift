import Foundation
import OobleckCore
import OobleckData

/// `metrics.jsonl` of a run that is being written.
package struct MetricsLog {
    private var lines: LineLog

    /// Appends to the file at `path`; what is left of a line that was not written whole goes.
    package init(path: String) throws { lines = try LineLog(path) }

    /// Adds a line.
    ///
    /// Throws `.storage` when it cannot be written, and then nothing of it is.
    package mutating func append(_ line: MetricsLine) throws { try lines.append(line.text) }
}

/// Reads `metrics.jsonl`.
package enum MetricsFile {
    /// The lines of all steps that count, in order of their steps; none where there is no file.
    ///
    /// After a return to a checkpoint, steps are committed again: a line takes the place of an earlier one
    /// of the same step and of all that followed it. Lines that cannot be read are left out, as is one
    /// that is still being written.
    package static func lines(of directory: RunDirectory) throws -> [MetricsLine] {
        guard FileManager.default.fileExists(atPath: directory.metricsPath) else { return [] }
        let bytes = try OpenFile(directory.metricsPath, for: .readBack).rest(from: 0)
        return counting(
            bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
                do {
                    return try JSONDecoder().decode(MetricsLine.self, from: Data(line))
                } catch {
                    return nil
                }
            }
        )
    }

    /// Of lines in the order in which they were written, those that count.
    package static func counting(_ lines: some Sequence<MetricsLine>) -> [MetricsLine] {
        var counting: [MetricsLine] = []
        for line in lines {
            while let last = counting.last, last.step >= line.step { counting.removeLast() }
            counting.append(line)
        }
        return counting
    }
}
