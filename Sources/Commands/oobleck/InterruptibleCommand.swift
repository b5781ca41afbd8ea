import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore

/// A command that puts things in order before a signal ends it.
///
/// The first SIGINT or SIGTERM cancels its task, unless whoever is in charge at the moment asked for
/// the signals (``ProcessSignals``): a run stops at the step boundary. The second one ends the
/// process at once. All other commands keep the system's defaults.
protocol InterruptibleCommand: AsyncParsableCommand {
    /// Whether it takes part in a run: then it ends with status 75 when it is interrupted, and else
    /// with 128 and the signal's number, as shells have it.
    static var isRun: Bool { get }
    /// Whether it takes the signals over, as it was called.
    var handlesSignals: Bool { get }
    /// Whether it starts again what it supervises.
    var isSupervisor: Bool { get }
}

extension InterruptibleCommand {
    var handlesSignals: Bool { true }
    var isSupervisor: Bool { false }

    /// Runs the command until it is done or interrupted.
    func runInterruptibly() async throws {
        nonisolated(unsafe) var command = self
        guard handlesSignals else { return try await command.run() }
        let signals = ProcessSignals.shared
        await signals.start(isSupervised: isSupervisor)
        // From here on only the task uses the command.
        let work = Task { try await command.run() }
        do {
            // The command may have been first to ask for the signals.
            try await signals.handling(isOutermost: true) { request in
                switch request {
                case .stop:
                    Console.show("ending; a second Ctrl-C ends at once")
                    work.cancel()
                case .stopNow: Interruption.endAtOnce(isRun: Self.isRun)
                case .save: break
                }
            } during: {
                try await work.value
            }
        } catch  where work.isCancelled {
            // Whatever was cut short has failed for this reason.
            throw Interruption(isRun: Self.isRun)
        }
    }
}
