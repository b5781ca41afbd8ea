import Foundation
import OobleckCore
import OobleckData

/// What a run's event log says of itself, and of an evaluation that was left out.
struct EventLogCheck {
    private(set) var violations: [RunViolation] = []
    /// Whether too few nodes were left at the end to evaluate the final state.
    private(set) var excusesFinalState = false

    /// Reads the whole log; a missing one is empty.
    init(_ path: String) throws {
        guard FileManager.default.fileExists(atPath: path) else { return }
        let file = try OpenFile(path, for: .readInput)
        let bytes = try file.read(at: 0, count: try file.size())
        var lines = bytes.split(
            separator: UInt8(ascii: "\n"),
            omittingEmptySubsequences: false
        )
        if let rest = lines.popLast(), !rest.isEmpty {
            violations.append(
                RunViolation(
                    file: path,
                    line: lines.count + 1,
                    message:
                        "the line is truncated: it has \(counted(rest.count, "byte")) and no end"
                )
            )
        }
        for (index, line) in lines.enumerated() {
            do {
                let timed = try TimedEvent.parsing(String(decoding: line, as: UTF8.self))
                if case .warning(.finalStateNotEvaluated) = timed.event.content {
                    excusesFinalState = true
                }
            } catch {
                violations.append(
                    RunViolation(file: path, line: index + 1, message: oneLine(error))
                )
            }
        }
    }
}
