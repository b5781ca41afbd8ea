import Foundation
import OobleckCore
import OobleckData

/// The folder of one run: names of its files, and whole-file reads and writes.
///
/// Created by the run itself, which holds its lock; opened by anyone else for reading.
package struct RunDirectory: Sendable {
    package let path: String
    /// Held by the run itself; `nil` for readers.
    ///
    /// Goes with the last copy of this value.
    private let lock: RunLock?

    package var configPath: String { path + "/config.yaml" }
    package var jobPath: String { path + "/job.json" }
    package var profilePath: String { path + "/profile.json" }
    package var planPath: String { path + "/plan.json" }
    package var statusPath: String { path + "/status.json" }
    package var resultPath: String { path + "/result.json" }
    package var endpointPath: String { path + "/coordinator.json" }
    package var tokenPath: String { path + "/token" }
    package var storePath: String { path + "/coordinator.sqlite" }
    /// Where the run's coordination is kept, when that is not here.
    package var coordinationPath: String { path + "/coordination" }
    /// Failures of the coordinator that were staged and have happened.
    package var stagedFaultsPath: String { path + "/logs/staged-faults" }
    package var ledgerPath: String { path + "/ledger.jsonl" }
    package var eventsPath: String { path + "/events.jsonl" }
    package var metricsPath: String { path + "/metrics.jsonl" }
    package var reportPath: String { path + "/report.html" }
    package var checkpointsPath: String { path + "/checkpoints" }
    package var logsPath: String { path + "/logs" }
    /// Where a launched run keeps the coordinator's certificate, for its owner alone.
    package var certificatesPath: String { path + "/tls" }

    /// Names of the logs, without their endings, in no order.
    ///
    /// Throws `.storage` when the folder of the logs cannot be read.
    package func logNames() throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: logsPath)
                .filter { $0.hasSuffix(".log") }.map { String($0.dropLast(4)) }
        } catch {
            throw OobleckError(.storage, "cannot read \(logsPath): \(error.localizedDescription)")
        }
    }

    /// Makes the folder of a new run, with the job as the user wrote it and as it was resolved.
    ///
    /// Throws `.usage` when the folder is in use or holds anything, `.storage` when it cannot be
    /// made. After an error nothing is left that was not there before.
    package static func create(
        path: String,
        job: JobSpecification,
        configText: String
    ) throws -> RunDirectory {
        let path = try requireNew(path)
        let wasThere = FileManager.default.fileExists(atPath: path)
        let missing = missingParents(of: path)
        do {
            try makeFolder(path, withParents: true)
            let directory = RunDirectory(path: path, lock: try RunLock.take(directory: path))
            try makeFolder(directory.checkpointsPath)
            try makeFolder(directory.logsPath)
            try AtomicFile.write(Array(configText.utf8), to: directory.configPath)
            try JSONDocument.write(job, to: directory.jobPath)
            return directory
        } catch let error as OobleckError {
            if error.code != .usage, !wasThere { removeFolder(path) }
            // Only those that are empty go: another run may use one by now.
            for parent in missing { rmdir(parent) }
            throw error
        }
    }

    /// Opens the folder of a run that exists.
    ///
    /// Throws `.inputData` when it is none.
    package static func open(path: String) throws -> RunDirectory {
        let path = URL(fileURLWithPath: path).standardizedFileURL.path
        let directory = RunDirectory(path: path, lock: nil)
        guard FileManager.default.fileExists(atPath: directory.jobPath) else {
            throw OobleckError(
                .inputData,
                "\(path) is not a run directory: it has no job.json; name the --run-dir of a run"
            )
        }
        return directory
    }

    /// Lets another process write here, or this one anew; nothing more may be written by this value.
    package func release() { lock?.release() }

    /// Opens the folder of a run that is to go on, and takes its lock.
    ///
    /// A finished run goes on only when it `isExtended`: when it is to train more steps. Throws
    /// `.inputData` when the folder is no run's, `.usage` when the run is going on or finished.
    package static func resume(path: String, isExtended: Bool = false) throws -> RunDirectory {
        let found = try open(path: path)
        if found.isFinished, !isExtended {
            throw OobleckError(
                .usage,
                "the run in \(found.path) is finished; it goes on only with more --steps"
            )
        }
        guard found.hasBegun else {
            throw OobleckError(
                .inputData,
                "the run in \(found.path) never began to train; start it again in another --run-dir"
            )
        }
        return RunDirectory(path: found.path, lock: try RunLock.take(directory: found.path))
    }

    /// Whether the run is over, with a result of all its steps.
    package var isFinished: Bool {
        guard FileManager.default.fileExists(atPath: resultPath) else { return false }
        do { return try result().steps >= job().training.steps } catch { return true }
    }

    /// Whether the run ever had nodes: it was profiled, and its coordinator had a store.
    package var hasBegun: Bool {
        FileManager.default.fileExists(atPath: profilePath)
            && [storePath, coordinationPath].contains(
                where: FileManager.default.fileExists(atPath:)
            )
    }

    /// Takes away what a run left that ended before it began to train; false when it did begin.
    ///
    /// Throws `.usage` when it is about to begin, `.storage` when something cannot be removed.
    package static func removeUnbegun(path: String) throws -> Bool {
        let found = try open(path: path)
        guard !found.hasBegun else { return false }
        let lock = try RunLock.take(directory: found.path)
        defer { lock.release() }
        do {
            for name in try FileManager.default.contentsOfDirectory(atPath: found.path)
            where name != "lock" {
                try FileManager.default.removeItem(atPath: found.path + "/" + name)
            }
        } catch {
            throw OobleckError(.storage, "cannot empty \(found.path): \(fileReason(error))")
        }
        return true
    }

    /// Whether the run's own process is alive.
    package var isRunning: Bool { RunLock.isHeld(directory: path) }

    package func job() throws -> JobSpecification {
        try JSONDocument.read(JobSpecification.self, from: jobPath)
    }

    /// The job as the user wrote it.
    package func configText() throws -> String { try TextFile.read(configPath) }

    package func profile() throws -> ModelProfile {
        try JSONDocument.read(ModelProfile.self, from: profilePath)
    }

    package func status() throws -> RunStatus {
        try JSONDocument.read(RunStatus.self, from: statusPath)
    }

    package func plan() throws -> PlanDocument {
        try JSONDocument.read(PlanDocument.self, from: planPath)
    }

    package func result() throws -> RunResult {
        try JSONDocument.read(RunResult.self, from: resultPath)
    }

    package func endpoint() throws -> CoordinatorEndpoint {
        try JSONDocument.read(CoordinatorEndpoint.self, from: endpointPath)
    }

    /// Replaces the job of a run that goes on otherwise than it began.
    package func write(_ job: JobSpecification) throws { try JSONDocument.write(job, to: jobPath) }

    /// Takes back the result of a run that goes on.
    package func removeResult() throws {
        guard unlink(resultPath) == 0 || errno == ENOENT else {
            throw OobleckError(.storage, "cannot remove \(resultPath): \(systemReason())")
        }
    }

    package func write(_ profile: ModelProfile) throws {
        try JSONDocument.write(profile, to: profilePath)
    }

    package func write(_ plan: PlanDocument) throws { try JSONDocument.write(plan, to: planPath) }

    package func write(_ result: RunResult) throws {
        try JSONDocument.write(result, to: resultPath)
    }

    /// Status is written often and worth nothing after a crash of the machine: not synchronised.
    package func write(_ status: RunStatus) throws {
        try JSONDocument.write(status, to: statusPath, durably: false)
    }

    /// What admits to the run.
    ///
    /// Throws one line when the file is missing or open to others.
    package func token() throws -> RunToken { try TokenFile.read(tokenPath) }

    package func write(_ token: RunToken) throws { try TokenFile.write(token, to: tokenPath) }

    /// Where the coordinator listens is of no use to others, so only the owner may read it.
    package func write(_ endpoint: CoordinatorEndpoint) throws {
        try JSONDocument.write(endpoint, to: endpointPath, permissions: 0o600, durably: false)
    }

    /// Whole lines in the ledger, also of steps that count no more.
    package func ledgerLineCount() throws -> Int { try WholeLines.count(in: ledgerPath) }

    /// Where the run's coordination is kept; `nil` is in this directory.
    package func coordination() throws -> String? {
        guard FileManager.default.fileExists(atPath: coordinationPath) else { return nil }
        return try TextFile.read(coordinationPath)
    }

    package func write(coordination: String) throws {
        try AtomicFile.write(Array(coordination.utf8), to: coordinationPath)
    }

    /// Takes back what a run needs only while it goes: where to reach it, its token, and the certificate
    /// that its launcher made.
    package func removeEndpoint() throws {
        for path in [endpointPath, tokenPath] + CertificateFiles(certificatesPath).paths {
            guard unlink(path) == 0 || errno == ENOENT else {
                throw OobleckError(.storage, "cannot remove \(path): \(systemReason())")
            }
        }
        rmdir(certificatesPath)
    }

    /// The path, made absolute, if a new run's directory can be there.
    ///
    /// Throws `.usage` with one line when it is in use, holds anything, or can be none.
    @discardableResult
    package static func requireNew(_ path: String) throws -> String {
        let path = try requireUsable(path)
        let isThere = FileManager.default.fileExists(atPath: path)
        let names = isThere ? try contents(of: path) : []
        if names.contains("lock"), RunLock.isHeld(directory: path) {
            // Throws with the owner's process id.
            _ = try RunLock.take(directory: path)
        }
        if let name = names.first(where: { $0 != "lock" }) {
            throw OobleckError(
                .usage,
                names.contains("lock")
                    ? "\(path) holds an earlier run; choose another --run-dir, or remove it"
                    : "\(path) is not empty (it has \(name)); choose another --run-dir"
            )
        }
        return path
    }

    /// The path, made absolute, if a run directory can be there or be made there.
    ///
    /// Throws one line: `.storage` for what is a file and for a path through a file, `.usage` for one
    /// that is too long or a dangling link.
    @discardableResult
    package static func requireUsable(_ path: String) throws -> String {
        guard !path.isEmpty else {
            throw OobleckError(.usage, "the run directory's name is empty; name a folder")
        }
        let path = URL(fileURLWithPath: path).standardizedFileURL.path
        let longest = Int(PATH_MAX) - longestNameInside
        let name = path.split(separator: "/").first { $0.utf8.count > longestName }
        guard path.utf8.count <= longest, name == nil else {
            let what =
                name.map { "a name of \($0.utf8.count) bytes, and \(longestName) are the most" }
                ?? "\(path.utf8.count) bytes, and \(longest) are the most"
            throw OobleckError(
                .usage,
                "the path of the run directory is too long: it has \(what); choose a shorter one"
            )
        }
        var part = path
        while part != "/" {
            var status = stat()
            if stat(part, &status) == 0 {
                guard status.st_mode & S_IFMT == S_IFDIR else {
                    let what = part == path ? "" : "\(path) cannot be a run directory: "
                    throw OobleckError(
                        .storage,
                        "\(what)\(part) is a file; name a folder that does not exist or is empty"
                    )
                }
                return path
            }
            if lstat(part, &status) == 0 {
                throw OobleckError(
                    .usage,
                    "\(part) is a link to something that does not exist; name a folder"
                )
            }
            part = URL(fileURLWithPath: part).deletingLastPathComponent().path
        }
        return path
    }

    /// Bytes that a name may have, and that names in a run directory add to its path at most.
    private static let longestName = Int(NAME_MAX)
    private static let longestNameInside = 256

    /// Folders above `path` that are not there yet, the innermost first.
    private static func missingParents(of path: String) -> [String] {
        var missing: [String] = []
        var parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
        while parent != "/", !FileManager.default.fileExists(atPath: parent) {
            missing.append(parent)
            parent = URL(fileURLWithPath: parent).deletingLastPathComponent().path
        }
        return missing
    }

    private static func contents(of path: String) throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch {
            throw OobleckError(
                .storage,
                "cannot use \(path) as a run directory: \(fileReason(error))"
            )
        }
    }

    private static func removeFolder(_ path: String) {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            // The error that brought us here is the one to report; the folder may not exist.
        }
    }
}

/// Makes a folder that may exist already.
///
/// Throws `.storage`.
func makeFolder(_ path: String, withParents: Bool = false) throws {
    if withParents {
        let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
        if !FileManager.default.fileExists(atPath: parent) {
            try makeFolder(parent, withParents: true)
        }
    }
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
        throw OobleckError(.storage, "cannot make the folder \(path): \(systemReason())")
    }
}

/// Where a running coordinator listens (`coordinator.json`).
package struct CoordinatorEndpoint: Hashable, Sendable, Codable {
    package var host: String
    package var port: Int
    package var pid: Int
    /// Whether it speaks TLS only; absent is no.
    package var tls: Bool?

    /// Reads the file at `path`.
    package static func read(_ path: String) throws -> CoordinatorEndpoint {
        try JSONDocument.read(CoordinatorEndpoint.self, from: path)
    }

    package init(host: String, port: Int, pid: Int, tls: Bool? = nil) {
        self.host = host
        self.port = port
        self.tls = tls
        self.pid = pid
    }
}
