import Foundation
import OobleckCore

/// The progress of reading a large file in one line; when to say it, and how long it may still take.
package struct ReadingLine: Sendable {
    /// What is read in less time needs no line.
    private static let patience: Seconds = 1
    /// Shortest time between two lines of a live display, and of a log.
    private static let liveInterval: Seconds = 0.2
    private static let logInterval: Seconds = 30

    private let interval: Seconds
    private var path: String?
    private var started: Seconds = 0
    private var shown: Seconds?

    /// For a line that takes the place of the one before, or for lines of a log.
    package init(isLive: Bool) { interval = isLive ? Self.liveInterval : Self.logInterval }

    /// The line to show now that `bytes` of `allBytes` of a file are read, if any.
    package mutating func line(
        _ path: String,
        _ bytes: ByteCount,
        of allBytes: ByteCount,
        at now: Seconds
    ) -> String? {
        if path != self.path { (self.path, started, shown) = (path, now, nil) }
        let elapsed = now - started
        guard elapsed >= Self.patience, shown.map({ now - $0 >= interval }) ?? true else {
            return nil
        }
        shown = now
        let name = URL(fileURLWithPath: path).lastPathComponent
        let part = bytes.value > 0 ? Double(allBytes.value - bytes.value) / Double(bytes.value) : 0
        let left = NumberText.span(part * elapsed)
        return "reading \(name) for the first time: \(bytes) of \(allBytes), about \(left) left"
    }
}
