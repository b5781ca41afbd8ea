import Foundation

/// Ties this process to the one that started it and holds its standard input.
enum ParentWatch {
    /// Ends this process when its standard input ends: whoever held it is gone.
    static func exitWithParent() {
        let watcher = Thread {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                if count == 0 || (count < 0 && errno != EINTR) { _exit(75) }
            }
        }
        watcher.stackSize = 128 << 10
        watcher.start()
    }
}
