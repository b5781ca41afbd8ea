import Foundation
import OobleckConsole
import Testing

@Suite(.timeLimit(.minutes(5))) struct SignalRequestsTests {
    @Test("the first signal stops in order, the second at once", arguments: [SIGINT, SIGTERM])
    func twice(first: Int32) {
        var requests = SignalRequests(hangUp: .goOn)
        #expect(requests.request(for: SIGUSR1) == .save)
        #expect(requests.request(for: first) == .stop)
        #expect(requests.stopSignal == first)
        #expect(requests.request(for: SIGUSR1) == .save)
        #expect(requests.request(for: SIGTERM) == .stopNow)
        #expect(requests.request(for: SIGINT) == .stopNow)
        #expect(requests.stopSignal == first)
    }

    @Test("a batch system may send SIGTERM again; a person ends at once with Ctrl-C")
    func batchJob() {
        var requests = SignalRequests(hangUp: .stop)
        requests.isBatchJob = HangUp.isBatchJob(["SLURM_JOB_ID": "7"])
        #expect(requests.request(for: SIGTERM) == .stop)
        #expect(requests.request(for: SIGTERM) == nil)
        #expect(requests.request(for: SIGINT) == .stopNow)
        #expect(!HangUp.isBatchJob(["OOBLECK_SUPERVISED": "1"]))
    }

    @Test("a lost terminal is never the second signal, however often it is told")
    func hangUp() {
        var requests = SignalRequests(hangUp: .stop)
        #expect(requests.request(for: SIGHUP) == .stop)
        #expect(requests.request(for: SIGHUP) == nil)
        #expect(requests.request(for: SIGTERM) == .stopNow)

        var other = SignalRequests(hangUp: .stop)
        #expect(other.request(for: SIGINT) == .stop)
        #expect(other.request(for: SIGHUP) == nil)

        var person = SignalRequests(hangUp: .goOn)
        #expect(person.request(for: SIGHUP) == nil)
        #expect(person.request(for: SIGINT) == .stop, "it can still be stopped")
    }

    @Test(
        "a lost terminal stops what somebody else watches over, and lets a person's run go on",
        arguments: [
            (environment: [:], hasTerminal: true, isIgnored: false, HangUp.goOn),
            ([:], false, false, .stop),
            ([:], false, true, .goOn),
            (["SLURM_JOB_ID": "7"], true, false, .stop),
            (["SLURM_JOB_ID": "7"], true, true, .goOn),
            (["OOBLECK_SUPERVISED": "1"], true, false, .stop),
            (["INVOCATION_ID": "a"], true, false, .stop),
            (["INVOCATION_ID": "a", "SYSTEMD_EXEC_PID": "20"], true, false, .stop),
            (["INVOCATION_ID": "a", "SYSTEMD_EXEC_PID": "7"], true, false, .goOn),
        ] as [(environment: [String: String], hasTerminal: Bool, isIgnored: Bool, HangUp)]
    )
    func meaning(
        environment: [String: String],
        hasTerminal: Bool,
        isIgnored: Bool,
        meaning: HangUp
    ) {
        let found = HangUp(
            environment: environment,
            pids: [21, 20],
            hasTerminal: hasTerminal,
            isIgnored: isIgnored
        )
        #expect(found == meaning)
    }
}
