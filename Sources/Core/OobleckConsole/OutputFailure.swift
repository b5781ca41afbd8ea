import Foundation
import OobleckCore

/// Why something was not written to a standard stream.
package enum OutputFailure: Hashable, Sendable {
    /// The reader of the pipe has closed it.
    case readerLeft
    /// The terminal was closed.
    case terminalLost
    /// The stream was closed when the program started, or cannot be written.
    case closed
    /// The system's error number: a full disk, say.
    case failed(Int32)

    /// What an error number of `write` means.
    init(errno number: Int32, isTerminal: Bool) {
        self =
            switch number {
            case EPIPE, ECONNRESET: .readerLeft
            case EIO, ENXIO, ENODEV: isTerminal ? .terminalLost : .failed(number)
            case EBADF, EINVAL: .closed
            default: .failed(number)
            }
    }

    /// Whether later writes can succeed.
    var isPassing: Bool { if case .failed = self { true } else { false } }

    /// The error of a command whose results were not written to `place`; `nil` when that is no
    /// failure: their reader closed the stream or ended.
    func error(_ place: String) -> OobleckError? {
        switch self {
        case .readerLeft, .terminalLost: nil
        case .closed: OobleckError(.storage, "cannot write the results: \(place) is closed")
        case .failed(let number):
            OobleckError(
                .storage,
                "cannot write the results to \(place): \(String(cString: strerror(number)))"
            )
        }
    }
}
