import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckRunReport
import Synchronization

/// The runs that a dashboard shows: those in a folder, or one.
package final class RunShelf: Sendable {
    private enum Place {
        case folder(String)
        /// `nil` before the run has a directory.
        case run(@Sendable () -> String?)
    }

    /// Runs that are followed at a time; of more, the one that was asked for first is read anew later.
    private static let mostWatches = 16

    private let place: Place
    private let watches = Mutex<[(path: String, watch: RunWatch)]>([])

    /// The runs in the folder at `path`, or the run there.
    ///
    /// Throws one line when there is neither.
    package init(path: String) throws {
        let path = URL(fileURLWithPath: path).standardizedFileURL.path
        if FileManager.default.fileExists(atPath: path + "/job.json") {
            place = .run { path }
        } else {
            _ = try RunSummary.list(path)
            place = .folder(path)
        }
    }

    /// The run whose directory `path` tells, once it has one.
    package init(run path: @escaping @Sendable () -> String?) { place = .run(path) }

    /// Whether there is one run only, which is shown at once.
    var isOne: Bool { if case .run = place { true } else { false } }

    /// The runs, the newest first, and why others cannot be read.
    func list() throws -> (runs: [RunSummary], troubles: [String]) {
        switch place {
        case .folder(let path): return try RunSummary.list(path)
        case .run(let path):
            guard let path = path() else { return ([], []) }
            return ([try RunSummary(RunDirectory.open(path: path))], [])
        }
    }

    /// The directory of the run of this name.
    ///
    /// A name is that of a folder, never a path. Throws `.inputData` for a run that is not here.
    func directory(_ name: String) throws -> RunDirectory {
        let missing = OobleckError(.inputData, "there is no run \(lineForPeople(name)) here")
        switch place {
        case .run(let path):
            guard let path = path(), URL(fileURLWithPath: path).lastPathComponent == name else {
                throw missing
            }
            return try RunDirectory.open(path: path)
        case .folder(let folder):
            guard Self.isName(name),
                FileManager.default.fileExists(atPath: "\(folder)/\(name)/job.json")
            else { throw missing }
            return try RunDirectory.open(path: "\(folder)/\(name)")
        }
    }

    /// What follows the run of this name; the same for all pages.
    func watch(_ name: String) throws -> RunWatch {
        let path = try directory(name).path
        return watches.withLock { watches in
            if let known = watches.first(where: { $0.path == path }) { return known.watch }
            let watch = RunWatch(path)
            watches.append((path, watch))
            if watches.count > Self.mostWatches { watches.removeFirst() }
            return watch
        }
    }

    /// Names of the logs of a run.
    func logs(_ name: String) throws -> [String] {
        let directory = try directory(name)
        guard FileManager.default.fileExists(atPath: directory.logsPath) else { return [] }
        return try directory.logNames()
            .sorted { $0.localizedStandardCompare($1) == .orderedAscending }
    }

    /// The end of a run's log, or what follows `position` in it.
    ///
    /// Throws `.inputData` for a log that the run does not have, also where it is a link to elsewhere.
    func log(_ log: String, of name: String, from position: Int) throws -> LogTail {
        let path = "\(try directory(name).logsPath)/\(log).log"
        var status = stat()
        guard Self.isName(log), lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw OobleckError(
                .inputData,
                "the run \(lineForPeople(name)) has no log \(lineForPeople(log))"
            )
        }
        return try LogTail(path, from: position)
    }

    /// Whether a text is the name of something in a folder.
    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 255 && !text.hasPrefix(".")
            && !text.contains("/") && !text.utf8.contains(0)
    }
}
