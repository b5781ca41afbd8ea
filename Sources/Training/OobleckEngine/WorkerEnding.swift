import Foundation
import OobleckCore

/// How a worker ends before its run does, without a word to the coordinator.
package enum WorkerEnding: Hashable, Sendable {
    /// A staged failure: what is to die.
    case staged(PlannedFault.Target)
    /// There was no memory for a tensor.
    case outOfMemory

    /// Ends this process, or kills what the staged failure names.
    ///
    /// What a worker does that has its process to itself.
    package func endProcess() {
        switch self {
        case .staged(.worker): kill(getpid(), SIGKILL)
        case .staged(.agent): kill(getppid(), SIGKILL)
        case .staged(.node): kill(0, SIGKILL)
        case .outOfMemory: _exit(WorkerExit.outOfMemory)
        }
    }
}
