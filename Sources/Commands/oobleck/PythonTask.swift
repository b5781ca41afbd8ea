import Foundation
import OobleckClock
import OobleckCore
import OobleckData
import OobleckRuntime
import OobleckTransport

/// A command of the Python package that comes with the program (`Python/oobleck`).
///
/// It runs in the environment that `make import-tools` made, or with the interpreter that the variable
/// `OOBLECK_PYTHON` names; a program that pip installed names its own. Nothing of it runs while a model is trained.
struct PythonTask {
    private static let variable = "OOBLECK_PYTHON"
    private static let errorMark = "error: "

    let arguments: [String]
    let deadline: Seconds

    /// Runs the command; returns what it printed, by line.
    ///
    /// Throws the command's own line when it refuses its input. It never outlives this process: it
    /// ends when its input does.
    func run() async throws -> [String] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "oobleck-python-\(UUID().uuidString)"
        )
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw OobleckError(.storage, "cannot make \(folder.path): \(fileReason(error))")
        }
        defer { try? FileManager.default.removeItem(at: folder) }
        let logPath = folder.appendingPathComponent("log").path
        let exit = try await run(logPath: logPath)
        let log = String(decoding: try InputFile.bytes(logPath), as: UTF8.self)
        let lines = log.split(whereSeparator: \.isNewline).map(String.init)
        guard exit == .status(0) else { throw failure(exit, lines) }
        return lines
    }

    private func run(logPath: String) async throws -> ChildProcess.Exit {
        let process = try ChildProcess.spawn(
            try Self.interpreter(),
            ["-m", "oobleck"] + arguments,
            environment: [
                "PYTHONPATH": try Checkout.pythonFolder(), "PYTHONUNBUFFERED": "1",
                "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "OOBLECK_PARENT": "1",
            ],
            group: .own,
            holdsInput: true,
            logPath: logPath
        )
        defer { process.signalGroup(SIGKILL) }
        let end = MonotonicTime.now + deadline
        while try await !process.waitUntilExit(deadline: MonotonicTime.now + 0.1) {
            guard MonotonicTime.now < end else {
                throw OobleckError(
                    .internalFault,
                    "python -m oobleck \(arguments[0]) took more than \(Int(deadline.value)) s"
                )
            }
        }
        return process.exitStatus ?? .status(0)
    }

    private static func interpreter() throws -> String {
        let chosen = ProcessInfo.processInfo.environment[variable]
        guard let path = try chosen ?? Checkout.interpreter() else {
            throw OobleckError(
                .usage,
                "there is no Python for this command; name one with torch and transformers in the "
                    + "variable \(variable), or run `make import-tools` in a checkout"
            )
        }
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw OobleckError(
                .usage,
                "\(variable) is \(path), which is no program; name a Python with torch and "
                    + "transformers, or unset it to use that of `make import-tools`"
            )
        }
        return path
    }

    private func failure(_ exit: ChildProcess.Exit, _ lines: [String]) -> OobleckError {
        if let line = lines.last(where: { $0.hasPrefix(Self.errorMark) }) {
            return OobleckError(.inputData, String(line.dropFirst(Self.errorMark.count)))
        }
        // What the parser of its arguments says.
        if let line = lines.last, let mark = line.range(of: ": \(Self.errorMark)") {
            let help = "; oobleck \(arguments[0]) --help tells more"
            return OobleckError(.usage, String(line[mark.upperBound...]) + help)
        }
        let last = lines.last.map { "; it last said: \($0)" } ?? ""
        let hint =
            lines.contains { $0.contains("ModuleNotFoundError") }
            ? "; install what it needs: `make import-tools` in a checkout, or pip install 'oobleck[import]'"
            : ""
        return OobleckError(.internalFault, "python -m oobleck \(exit)\(last)\(hint)")
    }
}
