import Foundation
import OobleckClock
import OobleckConsole
import OobleckCore
import OobleckDrills
import Synchronization

/// Shows how a drill goes: each row when it is done, and below what is at work and how long the rest
/// may take.
final class DrillDisplay: Sendable {
    /// How often progress is printed where it cannot be replaced.
    private static let plainInterval: Seconds = 30

    private let shown = Mutex(MonotonicTime.now)

    func show(_ row: DrillRow) {
        Console.clearLive()
        for line in row.lines { Console.show(line) }
    }

    func show(_ progress: DrillProgress) {
        let line = Self.line(progress)
        guard !Console.isTerminal else { return Console.showLive(line) }
        let now = MonotonicTime.now
        let isDue = shown.withLock { shown in
            guard now - shown >= Self.plainInterval else { return false }
            shown = now
            return true
        }
        if isDue { Console.show(line) }
    }

    static func line(_ progress: DrillProgress) -> String {
        let elapsed = Console.clock(seconds: progress.elapsed.value)
        let left = progress.timeLeft.map { "ETA \(Console.clock(seconds: $0.value))" } ?? "ETA -"
        return "\(progress.text)  \(elapsed) so far  \(left)"
    }
}
