import Foundation
import OobleckCore
import OobleckData
import OobleckRecording
import OobleckRunFiles

/// Runs a program for each event of a run but commits, with the event's line on its standard input.
///
/// The programs run one after the other on the observer's own thread: training never waits for one. One that
/// takes longer than ``limit`` is killed. Events that come faster than the programs end wait up to the bound of
/// ``RunObservers``; the oldest of more are dropped.
package final class EventHook: Sendable {
    /// Time that one program has.
    static let limit: Seconds = 10

    private let command: String
    private let complain: @Sendable (String) -> Void

    /// A hook that runs `command` with the system's shell, and complains of what fails in one line.
    package init(_ command: String, complain: @escaping @Sendable (String) -> Void) {
        (self.command, self.complain) = (command, complain)
    }

    /// Follows a run: takes what it tells its observers.
    package func follow(_ directory: RunDirectory) -> @Sendable (RunUpdate) -> Void {
        { [self] update in
            switch update {
            case .event(let event) where event.event.kind != .committed:
                run(event.text, in: directory.path)
            case .dropped(let count):
                complain("--on-event was too slow: \(counted(count, "update")) dropped")
            default: break
            }
        }
    }

    /// Runs the program with a line on its input, and returns when it has ended or was killed.
    func run(_ line: String, in directory: String, limit: Seconds = limit) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", command]
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["OOBLECK_RUN": directory]
        ) { $1 }
        let input = Pipe()
        process.standardInput = input
        // What it prints has no place between the lines of the run.
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        do {
            try process.run()
        } catch {
            return complain("--on-event cannot start: \(fileReason(error))")
        }
        // A line is shorter than what a pipe holds, so that this does not wait for the program. One that does
        // not read is none of our business.
        do { try input.fileHandleForWriting.write(contentsOf: Data("\(line)\n".utf8)) } catch {}
        do { try input.fileHandleForWriting.close() } catch {}
        guard ended.wait(timeout: .now() + limit.value) == .timedOut else {
            if process.terminationStatus != 0 {
                complain("--on-event ended with status \(process.terminationStatus)")
            }
            return
        }
        kill(process.processIdentifier, SIGKILL)
        complain("--on-event took longer than \(Int(limit.value)) s and was killed")
    }
}
