import OobleckClock
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckText
import Synchronization

/// Shows how far the first look at a job's data is: on a terminal in a live line, elsewhere now and then
/// in a line on standard error, since the output may be a result.
package final class ReadingDisplay: Sendable {
    private let isTerminal = Console.isTerminal
    private let state: Mutex<ReadingLine>

    package init() { state = Mutex(ReadingLine(isLive: Console.isTerminal)) }

    /// A look at data that is shown here.
    package func look(keepsSummary: Bool = true) -> FirstLook {
        FirstLook(keepsSummary: keepsSummary) { [self] in show($0) }
    }

    /// Takes the live line away.
    package func clear() { if isTerminal { Console.clearLive() } }

    private func show(_ progress: FirstLook.Progress) {
        let line = state.withLock {
            $0.line(
                progress.path,
                ByteCount(progress.bytes),
                of: ByteCount(progress.allBytes),
                at: MonotonicTime.now
            )
        }
        guard let line else { return }
        if isTerminal {
            Console.showLive(Console.lineLimit.map { String(line.prefix(columns: $0)) } ?? line)
        } else {
            Console.note(line)
        }
    }
}
