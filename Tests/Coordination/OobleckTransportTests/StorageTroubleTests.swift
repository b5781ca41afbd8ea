import Foundation
import OobleckCoordination
import OobleckCore
import OobleckTransport
import OobleckWorlds
import Testing

@Suite("A run whose storage fails", .timeLimit(.minutes(5))) struct StorageTroubleTests {
    /// Nodes that train, with what they were told to commit and to stop.
    private func train(
        _ recording: MemoryRecording,
        steps: Int,
        _ body: (ShellBench, Shared<[CoordinatorMessage]>) async throws -> Void
    ) async throws {
        let told = Shared<[CoordinatorMessage]>([])
        try await ShellBench.with(
            nodes: 2,
            steps: steps,
            detectionBudget: 1,
            recording: recording
        ) { bench in
            try await bench.withAgents([0, 1]) { _ in
                let workers = (0..<2).map { node in
                    bench.startWorker(NodeID(node)) { message, _ in
                        switch message {
                        case .commit, .stop: told.change { $0.append(message) }
                        default: break
                        }
                    }
                }
                defer { for worker in workers { worker.cancel() } }
                try await body(bench, told)
            }
        }
    }

    private func lastCommit(_ told: Shared<[CoordinatorMessage]>) -> Int? {
        let steps = told.value.compactMap { message -> Int? in
            if case .commit(let commit) = message { return commit.step }
            return nil
        }
        return steps.max()
    }

    private func isToldToStop(_ told: Shared<[CoordinatorMessage]>) -> Bool {
        told.value.contains { message in
            if case .stop = message { true } else { false }
        }
    }

    @Test("a step that cannot be recorded is not committed; the run waits, and goes on")
    func goesOn() async throws {
        let recording = MemoryRecording(failingStep: 3)
        try await train(recording, steps: 10) { bench, told in
            try await eventually("people are told") {
                recording.all.events.contains { $0.kind == .storageTrouble }
            }
            // Longer than the detection budget: silence counts against nobody.
            try await Task.sleep(for: .seconds(1.5))
            let status = await bench.server.status()
            #expect(status.phase == .waitingForStorage && status.step == 3)
            #expect(status.storageTrouble?.hasPrefix("No space left on device") == true)
            #expect(lastCommit(told) == 2)
            recording.heal()
            try await eventually("the run ends") { recording.all.outcome != nil }
            let records = recording.all
            guard case .completed = records.outcome else {
                Issue.record("it ended as \(String(describing: records.outcome))")
                return
            }
            #expect(records.steps.map(\.step) == Array(0..<10))
            #expect(records.events.count { $0.kind == .storageTrouble } == 1)
            #expect(records.events.count { $0.kind == .storageRestored } == 1)
            // A busy machine may make a node suspect; it may not cost one.
            #expect(!records.events.contains { $0.kind == .nodeLost })
        }
    }

    @Test("a result that cannot be kept is waited for: nobody leaves before")
    func lastSave() async throws {
        let recording = MemoryRecording(failsAtEnd: true)
        try await train(recording, steps: 3) { _, told in
            try await eventually("people are told") {
                recording.all.events.contains { $0.kind == .storageTrouble }
            }
            #expect(!isToldToStop(told))
            recording.heal()
            try await eventually("the run ends") { recording.all.outcome != nil }
            try await eventually("the nodes are told to leave") { isToldToStop(told) }
        }
    }

    @Test("a request to stop is obeyed at once, and the nodes keep their state")
    func stopped() async throws {
        let recording = MemoryRecording(failingStep: 2)
        try await train(recording, steps: 10) { bench, told in
            try await eventually("people are told") {
                recording.all.events.contains { $0.kind == .storageTrouble }
            }
            bench.server.submit(.stopRequested(reason: "interrupted"))
            try await eventually("the coordinator ends") { recording.all.outcome != nil }
            guard case .abandoned(let error) = recording.all.outcome else {
                Issue.record("it ended as \(String(describing: recording.all.outcome))")
                return
            }
            #expect(error.code == .outOfNodes && error.message.contains("No space left"))
            #expect(!isToldToStop(told))
        }
    }
}
