import Foundation
import OobleckClock
import OobleckCore
import Synchronization

/// Holds pieces of layers back while earlier ones wait to be sent, so that a slow connection does not
/// fill this process's memory.
final class PieceGate: Sendable {
    /// Pieces that may wait to be sent.
    private static let most = 8
    private static let pause: UInt32 = 500

    /// Pieces that wait to be sent; `nil` while there is no connection, which drops what it is given.
    private let waiting = Mutex<Int?>(nil)
    /// After so long a piece is let through whatever waits: the session has deadlines of its own.
    private let patience: Seconds

    init(patience: Seconds) { self.patience = patience }

    /// Waits for room, and counts a piece.
    func enter() {
        let deadline = MonotonicTime.now + patience
        while waiting.withLock({ $0 ?? 0 >= Self.most }), MonotonicTime.now < deadline {
            usleep(Self.pause)
        }
        waiting.withLock { $0 = $0.map { $0 + 1 } }
    }

    /// A piece was sent.
    func leave() { waiting.withLock { $0 = $0.map { max(0, $0 - 1) } } }

    /// A connection begins.
    func open() { waiting.withLock { $0 = 0 } }

    /// The connection ended: what waited for it is dropped.
    func close() { waiting.withLock { $0 = nil } }
}
