import Foundation
import OobleckClock
import OobleckCoordination
import OobleckCore
import OobleckRunFiles
import OobleckTestSupport
import OobleckTransport
import Testing

@testable import OobleckRuntime

@Suite("A run that is finished and is resumed", .timeLimit(.minutes(5)))
struct FinishedRunTests {
    private func settle(
        _ remains: RunRemains,
        steps: Int? = nil
    ) throws -> RunDirectory? {
        var request = ResumeRequest(path: remains.path)
        request.steps = steps
        let run = LocalRun(resuming: request, faults: [], display: RunDisplay())
        return try run.settle(request)
    }

    @Test("has nothing to do, unless it is to train more steps")
    func nothing() throws {
        let remains = try RunRemains()
        #expect(try settle(remains) == nil, "it is not finished")
        try remains.finish(steps: 9)
        #expect(try settle(remains)?.path == remains.path)
        #expect(try settle(remains, steps: 9)?.path == remains.path)
        #expect(try settle(remains, steps: 10) == nil)
        let error = #expect(throws: OobleckError.self) { try settle(remains, steps: 8) }
        #expect(error?.code == .usage)
    }

    @Test("ends nodes that still wait, because its coordinator died before it let them go")
    func waitingNodes() async throws {
        let remains = try RunRemains()
        let directory = try remains.directory
        try directory.write(CoordinatorEndpoint(host: "127.0.0.1", port: 1, pid: 1))
        let agent = try ChildProcess.spawn(
            "/bin/sh",
            ["-c", "read line", directory.endpointPath],
            group: .own,
            holdsInput: true,
            logPath: nil
        )
        try remains.keep([.joined(0, agentPID: Int(agent.pid)), .joined(1, agentPID: 1)])
        try remains.finish(steps: 9)
        #expect(try settle(remains) != nil)
        #expect(try await agent.waitUntilExit(deadline: MonotonicTime.now + 30))
        #expect(agent.exitStatus == .signal(SIGKILL))
        #expect(!FileManager.default.fileExists(atPath: directory.endpointPath))
    }
}
