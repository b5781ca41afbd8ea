import Foundation
import OobleckConsole
import OobleckCore
import OobleckTestSupport
import OobleckTransport
import Testing

@testable import OobleckRuntime

@Suite("The supervisor of a run's coordinators", .timeLimit(.minutes(5)))
struct RunSupervisorTests {
    @Test("ends with the status of a coordinator that ended by itself, and reads no ledger for it")
    func ended() throws {
        struct Unread: Error {}
        var deaths = CoordinatorDeaths()
        for status: Int32 in [0, 1, 75] {
            let verdict = try deaths.verdict(after: .status(status), isStopping: true) {
                throw Unread()
            }
            #expect(verdict == .end(status: status))
        }
    }

    @Test("gives up after five deaths in a row without a step in between")
    func givesUp() throws {
        var deaths = CoordinatorDeaths()
        for _ in 1..<5 {
            guard
                case .restart = deaths.verdict(
                    after: .signal(SIGKILL),
                    isStopping: false,
                    steps: { 3 }
                )
            else { return #expect(Bool(false), "gave up early") }
        }
        let last = deaths.verdict(after: .signal(SIGSEGV), isStopping: false) { 3 }
        guard case .giveUp(5, 3, let reason) = last else {
            return #expect(Bool(false), "\(last)")
        }
        #expect(reason == String(cString: strsignal(SIGSEGV)))
    }

    @Test("a step between two deaths starts the count anew; a ledger that went back does not")
    func progress() {
        var deaths = CoordinatorDeaths()
        for step in 0..<100 {
            _ = deaths.verdict(after: .signal(SIGKILL), isStopping: false) { step }
            #expect(deaths.inARow == 1)
        }
        // A run that returns to a checkpoint has fewer steps, and has not moved forward.
        for (count, steps) in [99, 50, 50].enumerated() {
            _ = deaths.verdict(after: .signal(SIGKILL), isStopping: false) { steps }
            #expect(deaths.inARow == (steps == 50 && count == 1 ? 3 : count + 2))
        }
    }

    @Test("starts no other coordinator after a request to end")
    func stopping() {
        var deaths = CoordinatorDeaths()
        #expect(
            deaths.verdict(after: .signal(SIGKILL), isStopping: true, steps: { 0 }) == .interrupted
        )
    }

    @Test("passes requests on; the third one for an end kills")
    func signals() {
        var signals = SupervisorSignals()
        #expect(signals.signal(for: .save) == SIGUSR1)
        #expect(!signals.isStopping)
        #expect(signals.signal(for: .stop) == SIGTERM)
        #expect(signals.isStopping)
        #expect(signals.signal(for: .stopNow) == SIGTERM)
        #expect(signals.signal(for: .stop) == SIGKILL)
        #expect(signals.signal(for: .save) == SIGUSR1)
    }

    @Test("real processes: one that is killed is followed by the next, whose status counts")
    func restarts() async throws {
        let folder = try TemporaryFolder()
        let supervisor = RunSupervisor(
            executable: "/bin/sh",
            first: ["-c", "kill -9 $$"],
            next: ["-c", "[ \"$OOBLECK_SUPERVISED\" = 1 ] && exit 3"],
            runDirectoryPath: folder.path
        )
        #expect(try await supervisor.run() == 3)
    }

    @Test("real processes: five that are killed in a row end it, with their run named")
    func diesAgainAndAgain() async throws {
        let folder = try TemporaryFolder()
        let supervisor = RunSupervisor(
            executable: "/bin/sh",
            first: ["-c", "echo >>\(folder.path)/starts; kill -9 $$"],
            next: ["-c", "echo >>\(folder.path)/starts; kill -9 $$"],
            runDirectoryPath: folder.path
        )
        let error = await #expect(throws: OobleckError.self) { try await supervisor.run() }
        #expect(error?.code == .internalFault)
        #expect(error?.message.contains("5 times in a row at step 0") == true)
        #expect(error?.message.contains(folder.path) == true)
        let starts = try String(contentsOfFile: folder.path + "/starts", encoding: .utf8)
        #expect(starts.count == 5)
    }
}
