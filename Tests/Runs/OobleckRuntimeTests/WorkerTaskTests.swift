import Foundation
import OobleckCore
import OobleckTestSupport
import Testing

@testable import OobleckRuntime

@Suite("A task of the worker program", .timeLimit(.minutes(5)))
struct WorkerTaskTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A task whose program is a shell with this script.
    private func task(
        _ script: String,
        deadline: Seconds = 60,
        keepsLog: Bool = true
    ) -> WorkerTask {
        WorkerTask(
            executables: Executables(command: "/bin/true", worker: "/bin/sh"),
            arguments: ["-c", script],
            logPath: folder.path + "/task.log",
            deadline: deadline,
            keepsLog: keepsLog
        )
    }

    private func failure(_ task: WorkerTask) async -> OobleckError? {
        await #expect(throws: OobleckError.self) { try await task.run() }
    }

    @Test("that succeeds is silent")
    func success() async throws { try await task("exit 0").run() }

    @Test("that fails has its own last line told, with the kind of failure that its status says")
    func ownWords() async {
        let error = await failure(task("echo noise; echo 'oobleck-worker: no corpus'; exit 65"))
        #expect(error == OobleckError(.inputData, "no corpus"))
    }

    @Test("that says nothing is told of by how it ended, and where its log is")
    func silent() async {
        let error = await failure(task("exit 3"))
        #expect(error?.code == .internalFault)
        #expect(error?.message.contains("exited with status 3") == true)
        #expect(error?.message.contains("see \(folder.path)/task.log") == true)
    }

    @Test("whose log goes with its folder has its last line repeated instead of the log named")
    func logGoes() async {
        let error = await failure(task("echo last words; exit 3", keepsLog: false))
        #expect(error?.message.contains("it last said: last words") == true)
        #expect(error?.message.contains("task.log") == false)
    }

    @Test("that takes too long is ended")
    func late() async {
        let error = await failure(task("read line", deadline: 0.1))
        #expect(error?.message.contains("took more than 0 s") == true)
    }

    @Test("is ended when who watches it throws")
    func watched() async {
        struct Enough: Error {}
        await #expect(throws: Enough.self) {
            try await task("read line").run(onStart: { _ in }, { throw Enough() })
        }
    }
}
