import Foundation
import OobleckClock

/// Ties this process to the one that started it and holds its standard input.
enum ParentWatch {
    /// Ends this process when its standard input ends: whoever held it is gone.
    ///
    /// Throws one line when it cannot be watched.
    static func exitWithParent() throws {
        try SystemThread.start(stackBytes: 128 << 10) {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                if count == 0 || (count < 0 && errno != EINTR) { _exit(75) }
            }
        }
    }
}
