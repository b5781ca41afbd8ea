import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTransport

/// The secrets of a node on its host: a folder for its owner alone, in memory where the system has a
/// place for that, which goes with the agent.
///
/// An agent that is killed cannot remove its folder. The next one on the host does: a folder is in use as
/// long as its lock is held, and the system drops the lock with the process.
struct RemoteCredentials: Sendable {
    private static let prefix = "oobleck-agent-"

    let folder: String
    let tls: ControlTLS?
    var tokenPath: String { folder + "/token" }

    /// Makes the folder; its lock is held until the process ends.
    ///
    /// Throws one line.
    init(_ order: AgentOrder, in parent: String = Self.place()) throws {
        Self.sweep(parent)
        folder = "\(parent)/\(Self.prefix)\(UUID().uuidString)"
        guard mkdir(folder, 0o700) == 0 else {
            throw OobleckError(
                .storage,
                "cannot make \(folder): \(String(cString: strerror(errno)))"
            )
        }
        do {
            let lock = open(folder + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else {
                throw OobleckError(.storage, "cannot lock \(folder)")
            }
            try TokenFile.write(try RunToken(parsing: order.token), to: folder + "/token")
            tls = try order.certificates?.write(to: folder + "/tls")
        } catch {
            Self.remove(folder)
            throw error
        }
    }

    /// Removes the folder; trouble with that is no news.
    func remove() { Self.remove(folder) }

    /// A folder of this user alone if there is one, or else one in memory.
    private static func place() -> String {
        let own = ProcessInfo.processInfo.environment["XDG_RUNTIME_DIR"]
        return [own, "/dev/shm"].compactMap { $0 }.first { access($0, W_OK | X_OK) == 0 }
            ?? NSTemporaryDirectory()
    }

    private static func remove(_ folder: String) {
        do { try FileManager.default.removeItem(atPath: folder) } catch {}
    }

    /// Removes what agents left that were killed.
    private static func sweep(_ parent: String) {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: parent) } catch { return }
        for name in names where name.hasPrefix(prefix) {
            let folder = "\(parent)/\(name)"
            // One that has no lock yet is being made; those of others cannot be opened.
            let lock = open(folder + "/lock", O_RDWR | O_CLOEXEC)
            guard lock >= 0 else { continue }
            defer { close(lock) }
            if isOld(folder), flock(lock, LOCK_EX | LOCK_NB) == 0 { remove(folder) }
        }
    }

    /// Whether a folder is a minute old: its owner took the lock at once, or never will.
    private static func isOld(_ folder: String) -> Bool {
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder)
            guard let changed = attributes[.modificationDate] as? Date else { return false }
            return changed.timeIntervalSinceNow < -60
        } catch {
            return false
        }
    }
}
