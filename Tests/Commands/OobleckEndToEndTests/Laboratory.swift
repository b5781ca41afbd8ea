import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import Testing

/// Where the end-to-end tests run the real program: a folder of its own with a job small enough
/// for a step to take some tens of milliseconds, and the processes that must not outlive a test.
final class Laboratory {
    struct Outcome {
        let status: Int32
        let output: String
        let errors: String
    }

    /// Longest that any command may take.
    private static let deadline: TimeInterval = 120

    let folder: String
    static let blocks = 6
    static let steps = 8

    /// The folder of the built programs: that of this test program.
    static let programs: String = {
        let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let argument = link.map { [$0] } ?? []
        let candidates = (argument + CommandLine.arguments).map {
            URL(fileURLWithPath: $0).deletingLastPathComponent().path
        }
        return candidates.first {
            FileManager.default.isExecutableFile(atPath: $0 + "/oobleck-worker")
        } ?? ""
    }()

    init() throws {
        folder = NSTemporaryDirectory() + "oobleck-lab-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
        let text = (0..<4000).map { "line \($0 * 7919 % 4001) of the corpus.\n" }.joined()
        try text.write(toFile: folder + "/corpus.txt", atomically: true, encoding: .utf8)
        try Self.job.write(toFile: folder + "/job.yaml", atomically: true, encoding: .utf8)
        try Self.profile.write(toFile: folder + "/profile.json", atomically: true, encoding: .utf8)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private static let job = """
        model: {name: lab, blocks: \(blocks), hidden: 64, heads: 4, vocabulary: 256, \
        sequence_length: 64, dropout: 0.1}
        data: {corpus: corpus.txt}
        training: {steps: \(steps), seed: 5, global_batch: 16, microbatch: 2, warmup_steps: 2}
        cluster: {nodes: 6, fault_tolerance: 1, device_memory: 50000, detection_budget: 2}
        """

    /// A made-up profile, so that every test plans alike: no node can hold the model alone.
    private static var profile: String {
        let layers = (0..<blocks + 2).map { layer in
            """
            {"name": "layer\(layer)", "forward_seconds": 0.01, "backward_seconds": 0.02, \
            "parameter_bytes": 1000, "optimizer_bytes": 2000, "activation_bytes": 3000, \
            "allreduce_across_nodes_seconds": {"2": 0.001}}
            """
        }
        return """
            {"version": 1, "model": "lab", "microbatch_size": 2, "device_memory_bytes": 50000,
             "layers": [\(layers.joined(separator: ",\n"))]}
            """
    }

    /// Changes the job.
    func edit(_ change: (String) -> String) throws {
        let changed = change(try String(contentsOfFile: path("job.yaml"), encoding: .utf8))
        try changed.write(toFile: path("job.yaml"), atomically: true, encoding: .utf8)
    }

    func path(_ name: String) -> String { folder + "/" + name }

    /// Starts `oobleck` with the given arguments.
    func start(_ arguments: [String], environment: [String: String] = [:]) throws -> Running {
        try Running(
            Self.programs + "/oobleck",
            arguments,
            folder: folder,
            environment: environment
        )
    }

    /// Runs `oobleck` to its end.
    func run(_ arguments: [String]) throws -> Outcome {
        try start(arguments).wait(deadline: Self.deadline)
    }

    /// Trains in the folder `name`.
    func train(_ name: String, _ arguments: [String] = []) throws -> Outcome {
        try run(trainArguments(name, arguments))
    }

    func trainArguments(_ name: String, _ arguments: [String] = []) -> [String] {
        ["train", path("job.yaml"), "--run-dir", path(name), "--profile", path("profile.json")]
            + arguments
    }

    func result(_ name: String) throws -> RunResult {
        try RunDirectory.open(path: path(name)).result()
    }

    /// Events of one kind, in order.
    func events(_ name: String, _ kind: RunEvent.Kind) throws -> [RunEvent] {
        let path = try RunDirectory.open(path: path(name)).eventsPath
        return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            .map { try TimedEvent.parsing(String($0)).event }.filter { $0.kind == kind }
    }

    /// A run as it is; `nil` before it says.
    func status(_ name: String) -> RunStatus? {
        do {
            return try RunDirectory.open(path: path(name)).status()
        } catch {
            return nil
        }
    }

    /// Processes that still carry this laboratory's folder, or another, in their arguments.
    func orphans(of other: String? = nil) throws -> [String] {
        let folder = other ?? folder
        return try FileManager.default.contentsOfDirectory(atPath: "/proc").filter {
            Int($0) != nil
        }
        .compactMap { pid in
            let path = "/proc/\(pid)/cmdline"
            guard let data = FileManager.default.contents(atPath: path) else { return nil }
            let line = String(decoding: data, as: UTF8.self)
                .replacingOccurrences(of: "\0", with: " ")
            return line.contains(folder) && !line.contains("xctest") ? line : nil
        }
    }
}

/// A program under test, its output in files, so that it never blocks on a full pipe.
final class Running {
    private let process = Process()
    private let outputPath: String
    private let errorPath: String

    init(
        _ executable: String,
        _ arguments: [String],
        folder: String,
        environment: [String: String] = [:]
    ) throws {
        let stem = folder + "/\(UUID().uuidString)"
        outputPath = stem + ".out"
        errorPath = stem + ".err"
        for path in [outputPath, errorPath] {
            try Data().write(to: URL(fileURLWithPath: path))
        }
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: outputPath)
        process.standardError = FileHandle(forWritingAtPath: errorPath)
        try process.run()
    }

    var isRunning: Bool { process.isRunning }

    /// What it has printed so far.
    var output: String {
        String(decoding: FileManager.default.contents(atPath: outputPath) ?? Data(), as: UTF8.self)
    }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Waits for the end; a program that is not done in time is killed and the test fails.
    func wait(deadline: TimeInterval) throws -> Laboratory.Outcome {
        let end = Date(timeIntervalSinceNow: deadline)
        while process.isRunning && Date() < end { Thread.sleep(forTimeInterval: 0.01) }
        if process.isRunning {
            process.terminate()
            Thread.sleep(forTimeInterval: 1)
            kill(process.processIdentifier, SIGKILL)
            Issue.record("not done after \(deadline) s")
        }
        process.waitUntilExit()
        return Laboratory.Outcome(
            status: process.terminationReason == .exit
                ? process.terminationStatus : -process.terminationStatus,
            output: try String(contentsOfFile: outputPath, encoding: .utf8),
            errors: try String(contentsOfFile: errorPath, encoding: .utf8)
        )
    }
}

/// Waits until `condition` holds, polling; false when it does not within `seconds`.
func waitUntil(_ seconds: TimeInterval, _ condition: () -> Bool) -> Bool {
    let end = Date(timeIntervalSinceNow: seconds)
    while Date() < end {
        if condition() { return true }
        Thread.sleep(forTimeInterval: 0.02)
    }
    return condition()
}

/// Lets a fault last for so long.
func hold(_ seconds: TimeInterval) { Thread.sleep(forTimeInterval: seconds) }
