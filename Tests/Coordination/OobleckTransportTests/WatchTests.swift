import GRPCCore
import OobleckCore
import OobleckWire
import Synchronization
import Testing

@testable import OobleckTransport

/// Watching a run, with a real server and clients over gRPC.
@Suite("A watch over the control plane", .serialized, .timeLimit(.minutes(2)))
struct WatchTests {
    private func client(_ bench: ShellBench) -> AdminClient {
        AdminClient(coordinator: bench.address, token: ShellBench.token)
    }

    /// Watches in the background; cancel the task to hang up.
    private func watch(
        _ bench: ShellBench,
        _ heard: Shared<[WatchUpdate]>
    ) -> Task<Void, any Error> {
        Task {
            try await client(bench).watch { update in
                heard.change { $0.append(update) }
                return true
            }
        }
    }

    private func event(_ step: Int) -> RunEvent {
        RunEvent(generation: 0, step: step, .warning(.checkpointStore(reason: "step \(step)")))
    }

    @Test("the status comes first, then typed events in order, as they are recorded")
    func events() async throws {
        try await ShellBench.with(nodes: 2, steps: 1_000_000) { bench in
            let heard = Shared<[WatchUpdate]>([])
            let watching = watch(bench, heard)
            defer { watching.cancel() }
            try await eventually("a first word") { !heard.value.isEmpty }
            guard case .status(let status) = heard.value.first else {
                Issue.record("the first is \(heard.value)")
                return
            }
            #expect(status.phase == .starting)
            try await bench.withAgents([0, 1]) { _ in
                let workers = [NodeID(0), 1].map { bench.startWorker($0) }
                defer { for worker in workers { worker.cancel() } }
                func events() -> [RunEvent] {
                    heard.value.compactMap {
                        if case .event(let timed) = $0 { timed.event } else { nil }
                    }
                }
                try await eventually("commits are told") {
                    events().count { $0.kind == .committed } > 3
                }
                workers[1].cancel()
                try await eventually("the loss is told") {
                    events().contains { $0.kind == .nodeLost && $0.node == 1 }
                }
                let loss = events().first { $0.kind == .nodeLost }
                guard case .nodeLost(1, _) = loss?.content else {
                    Issue.record("\(loss.debugDescription)")
                    return
                }
                let told = events()
                let recorded = bench.recording.all.events.drop { $0 != told.first }
                #expect(told == Array(recorded.prefix(told.count)))
                let steps = heard.value.contains {
                    if case .status(let status) = $0 { status.step > 0 } else { false }
                }
                #expect(steps, "statuses follow as well")
            }
        }
    }

    @Test("a client that hangs up frees its place")
    func hangUp() async throws {
        try await ShellBench.with(nodes: 2) { bench in
            let heard = Shared<[WatchUpdate]>([])
            let watching = watch(bench, heard)
            try await eventually("it is told the status") { !heard.value.isEmpty }
            #expect(bench.server.loop.watchers.count == 1)
            watching.cancel()
            try await eventually("its place is free") { bench.server.loop.watchers.count == 0 }
        }
    }

    @Test("a client that has seen enough ends its watch without an error")
    func enough() async throws {
        try await ShellBench.with(nodes: 2) { bench in
            try await client(bench).watch { _ in false }
            try await eventually("its place is free") { bench.server.loop.watchers.count == 0 }
        }
    }

    @Test("one watcher too many is refused in one line, until another goes")
    func tooMany() async throws {
        var bounds = ControlBounds()
        bounds.watchers = 2
        try await ShellBench.with(nodes: 2, bounds: bounds) { bench in
            let heard = Shared<[WatchUpdate]>([])
            let watching = [watch(bench, heard), watch(bench, heard)]
            defer { for task in watching { task.cancel() } }
            try await eventually("two watch") { bench.server.loop.watchers.count == 2 }
            let error = await #expect(throws: OobleckError.self) {
                try await client(bench).watch { _ in false }
            }
            #expect(error?.message.contains("2 clients watch this run already") == true)
            #expect(error?.message.contains("\n") == false)
            watching[0].cancel()
            try await eventually("one has gone") { bench.server.loop.watchers.count == 1 }
            try await client(bench).watch { _ in false }
        }
    }

    @Test("a stranger without the token is told nothing")
    func stranger() async throws {
        try await ShellBench.with(nodes: 2) { bench in
            let stranger = AdminClient(coordinator: bench.address, token: "wrong")
            let error = await #expect(throws: OobleckError.self) {
                try await stranger.watch { _ in true }
            }
            #expect(error?.message.contains("token") == true)
            #expect(bench.server.loop.watchers.count == 0)
        }
    }

    @Test("a client that does not read is dropped, and is never waited for")
    func slowReader() async throws {
        try await ShellBench.with(nodes: 2) { bench in
            let mayRead = Shared(false)
            let hasBegun = Shared(false)
            let slow = Task {
                try await client(bench).watch { _ in
                    hasBegun.change { $0 = true }
                    while !mayRead.value { try await Task.sleep(for: .milliseconds(5)) }
                    return true
                }
            }
            defer { slow.cancel() }
            let heard = Shared<[WatchUpdate]>([])
            let quick = watch(bench, heard)
            defer { quick.cancel() }
            try await eventually("both watch") {
                hasBegun.value && bench.server.loop.watchers.count == 2
            }
            // Far more than the windows of a connection hold; the quick one is given the time it needs.
            let reason = String(repeating: "x", count: 20_000)
            var told = 0
            let deadline = ContinuousClock.now + .seconds(60)
            while bench.server.loop.watchers.count == 2, ContinuousClock.now < deadline {
                for _ in 0..<100 {
                    let content = RunEvent.Content.warning(.checkpointStore(reason: reason))
                    bench.server.loop.log(RunEvent(generation: 0, step: told, content))
                    told += 1
                }
                let count = told
                try await eventually("the quick one hears all") {
                    heard.value.count { if case .event = $0 { true } else { false } } == count
                }
            }
            #expect(bench.server.loop.watchers.count == 1, "after \(told) events")
            mayRead.change { $0 = true }
            let error = await #expect(throws: OobleckError.self) { try await slow.value }
            #expect(error?.message.contains("reads too slowly") == true, "\(error?.message ?? "")")
        }
    }

    @Test("a watch ends with the run, after its last event")
    func end() async throws {
        try await ShellBench.with(nodes: 2, steps: 3) { bench in
            let heard = Shared<[WatchUpdate]>([])
            let watching = watch(bench, heard)
            try await eventually("a first word") { !heard.value.isEmpty }
            try await bench.withAgents([0, 1]) { _ in
                let workers = [NodeID(0), 1].map { bench.startWorker($0) }
                defer { for worker in workers { worker.cancel() } }
                try await watching.value
            }
            let last = heard.value.compactMap { update -> RunEvent? in
                if case .event(let timed) = update { timed.event } else { nil }
            }
            #expect(last.last?.content == .finished, "\(last.suffix(3))")
        }
    }
}

/// The bounded queue of one watcher, without a network.
@Suite struct WatcherTests {
    private func event(_ step: Int) -> TimedEvent {
        TimedEvent(RunEvent(generation: 0, step: step, .finished), time: 1, monotonic: 1)
    }

    private let status = RunStatus(
        phase: .training,
        step: 1,
        steps: 2,
        generation: 0,
        loss: nil,
        stepTime: nil,
        tokensPerSecond: nil,
        idleShare: nil,
        pipelines: 1,
        nodes: []
    )

    @Test("more than it may let wait gives it up; the others stay")
    func overflow() throws {
        let watchers = Watchers(most: 2)
        let slow = try watchers.open(with: status)
        let quick = try watchers.open(with: status)
        #expect(quick.take() == [.status(status)])
        for step in 0..<Watcher.mostEvents { watchers.tell(event(step)) }
        #expect(watchers.count == 2)
        #expect(quick.take() == (0..<Watcher.mostEvents).map { .event(event($0)) })
        watchers.tell(event(-1))
        #expect(watchers.count == 1)
        #expect(quick.take() == [.event(event(-1))])
        #expect(slow.take() == [.status(status)], "its events are gone")
    }

    @Test("of statuses only the newest waits; after the end nothing does")
    func statuses() throws {
        let watchers = Watchers(most: 2)
        let watcher = try watchers.open(with: status)
        var newest = status
        for step in 2..<9 {
            newest.step = step
            watchers.tell(newest)
        }
        watchers.tell(event(3))
        #expect(watcher.take() == [.event(event(3)), .status(newest)])
        watchers.finish()
        watchers.tell(event(4))
        #expect(watcher.take().isEmpty)
        let late = try watchers.open(with: newest)
        #expect(late.take() == [.status(newest)] && watchers.count == 0)
    }
}
