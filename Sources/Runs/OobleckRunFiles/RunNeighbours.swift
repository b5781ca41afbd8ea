import Foundation
import OobleckCore
import OobleckData

/// Finds out whether other nodes of a run are on this machine: nodes that share processors must not
/// be judged by how long they wait for each other.
///
/// An agent that a person starts need not say so: worker processes name the file with their run's
/// token, and who has the same token is of the same run. Processes of another container are not
/// seen; there `--shares-machine` says it.
package struct RunNeighbours: Sendable {
    private let token: RunToken
    private let processes: String
    private let own: Int32

    /// Looks for workers of the run with this token, but for the process `own`.
    ///
    /// `processes` is where the kernel tells of processes.
    package init(token: RunToken, processes: String = "/proc", own: Int32 = getpid()) {
        self.token = token
        self.processes = processes
        self.own = own
    }

    /// Whether there is another worker of the run now.
    ///
    /// Costs one look at each process of the machine.
    package func exist() -> Bool {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: processes)
                .compactMap { Int32($0) }.contains { $0 != own && isWorker($0) }
        } catch {
            // Where the kernel tells of no processes, there are none to be seen.
            return false
        }
    }

    private func isWorker(_ process: Int32) -> Bool {
        let folder = "\(processes)/\(process)"
        guard let data = SystemFile.bytes(folder + "/cmdline") else {
            return false
        }
        let arguments = data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        guard arguments.dropFirst().first == "worker",
            let option = arguments.firstIndex(of: "--token-file"),
            option + 1 < arguments.count
        else { return false }
        var path = arguments[option + 1]
        if !path.hasPrefix("/") { path = folder + "/cwd/" + path }
        do {
            return token.admits(try TokenFile.read(path).secret)
        } catch {
            // Another user's file, or one that is gone: not one of ours.
            return false
        }
    }
}
