import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import Synchronization

/// The log of one host in the run's directory: what its nodes print, and what the launcher did.
///
/// Each line has the time and its source. A line that cannot be written is lost: a full disk ends no run.
final class HostLog: Sendable {
    private let path: String
    private let lock = Mutex(())

    init(_ path: String) { self.path = path }

    func add(_ source: String, _ line: String) {
        let text =
            "\(Console.time(Date().timeIntervalSince1970)) \(source): \(lineForPeople(line))\n"
        lock.withLock { _ in
            // Opened anew for each: few are written, and the file may be moved away meanwhile.
            do { try OpenFile(path, for: .append).write(Array(text.utf8)) } catch {}
        }
    }
}
