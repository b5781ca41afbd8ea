import Foundation
import OobleckCore

/// The end of a command or a run that a signal asked for, before it had anything to tell.
package struct Interruption: Error, CustomStringConvertible {
    package let exitStatus: Int32
    package let description: String

    package init(isRun: Bool, signal: Int32? = ProcessSignals.shared.stopSignal) {
        let number = signal ?? SIGINT
        exitStatus = isRun ? OobleckError.Code.outOfNodes.exitStatus : 128 + number
        description = number == SIGHUP ? "the terminal is gone" : "interrupted"
    }

    /// Ends the process, which was asked to end twice.
    package static func endAtOnce(isRun: Bool) -> Never {
        Console.complain("ended at once, as asked twice")
        Console.exit(Self(isRun: isRun).exitStatus, waits: false)
    }
}
