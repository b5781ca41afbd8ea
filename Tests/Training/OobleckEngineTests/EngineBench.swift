import Dispatch
import OobleckClock
import OobleckCoordination
import OobleckCore
import OobleckEngine
import OobleckReconfiguration
import OobleckRunFiles
import Synchronization
import Testing

/// Workers in this process with the production coordinator as their other side.
///
/// The bench is the coordinator's shell: it passes messages in memory, keeps time, and has checkpoints
/// published by the production store. Workers exchange tensors over 127.0.0.1, as processes do.
final class EngineBench: Sendable {
    private struct State {
        var instance: CoordinatorInstance
        var workers: [SessionID: BenchWorker] = [:]
        var lastSession = 0
        var traffic = BenchTraffic()
        var records = Records()
    }

    let job: JobSpecification
    private let state: Mutex<State>
    private let store: CheckpointStore?
    private let queue = DispatchQueue(label: "oobleck.engine-bench")
    private let script: BenchScript

    private init(_ job: JobSpecification, _ script: BenchScript, from point: RestorePoint?) throws {
        self.job = job
        self.script = script
        store = try job.checkpoint?.directory.map { try CheckpointStore(path: $0, job: job) }
        try store?.prepare()
        let profile = EngineJob.profile(nodes: job.cluster.nodes)
        let coordinator = Coordinator(
            job: job,
            profile: profile,
            reconfigurator: try Reconfigurator(
                profile: profile,
                costModel: .sosp23,
                faultTolerance: job.cluster.faultTolerance,
                microbatches: job.training.microbatchCount
            ),
            startingFrom: point
        )
        state = Mutex(State(instance: CoordinatorInstance(coordinator)))
    }

    /// Runs `job` with as many workers as it has nodes, and returns what was recorded once the run and
    /// all threads of its workers have ended.
    static func run(
        _ job: JobSpecification,
        _ script: BenchScript = BenchScript(),
        from point: RestorePoint? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Records {
        let bench = try EngineBench(job, script, from: point)
        let timer = DispatchSource.makeTimerSource(queue: bench.queue)
        let tick = Deadlines(budget: job.cluster.detectionBudget).tick
        timer.schedule(deadline: .now() + tick.value, repeating: tick.value)
        timer.setEventHandler { [weak bench] in bench?.tick() }
        timer.resume()
        defer { timer.cancel() }
        for node in 0..<job.cluster.nodes { try bench.join(NodeID(node)) }
        let hasEnded = try await bench.waits { $0.outcome != nil }
        let workers = bench.state.withLock { Array($0.workers.values) }
        for worker in workers { worker.end() }
        let areOver = try await bench.waits { _ in workers.allSatisfy(\.isOver) }
        let records = bench.records
        if !hasEnded {
            let events = records.events.map(\.message)
            Issue.record("the run did not end: \(events)", sourceLocation: sourceLocation)
        }
        if !areOver { Issue.record("a worker did not end", sourceLocation: sourceLocation) }
        return records
    }

    var records: Records { state.withLock { $0.records } }

    /// Whether `condition` comes to hold within a minute.
    private func waits(_ condition: (Records) -> Bool) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            if condition(records) { return true }
            try await Task.sleep(for: .milliseconds(2))
        }
        return false
    }

    // MARK: Nodes

    /// Starts a worker, and has its node join.
    func join(_ node: NodeID) throws {
        let sessions = state.withLock { state in
            state.lastSession += 2
            return (
                agent: SessionID(state.lastSession - 1), worker: SessionID(state.lastSession)
            )
        }
        let link = BenchLink { [weak self] message in
            guard let self else { return }
            queue.async { self.take(message, sessions.worker) }
        }
        let worker = BenchWorker(node, link: link, sessions: sessions) { [weak self] ending in
            self?.lose(node, ending)
        }
        state.withLock { state in
            state.workers[sessions.agent] = worker
            state.workers[sessions.worker] = worker
        }
        try worker.start()
        queue.async {
            let pid = 100 + node.rawValue
            let hello = SessionHello(node: node, pid: pid, nodeName: "node-\(node)")
            self.tell(.hello(sessions.agent, .agent, hello, isOwn: false))
            self.tell(.hello(sessions.worker, .worker, hello, isOwn: false))
        }
    }

    /// A worker's process dies; its agent says so, where `ending` does not say that it dies as well.
    func lose(_ node: NodeID, _ ending: WorkerEnding) {
        guard let worker = worker(of: node), worker.end() else { return }
        queue.async {
            let isOutOfMemory = ending == .outOfMemory
            if ending != .staged(.agent), ending != .staged(.node) {
                self.tell(
                    .agent(
                        worker.agentSession,
                        .workerExited(evidence: "it ended", isOutOfMemory: isOutOfMemory)
                    )
                )
            }
            self.tell(.ended(worker.workerSession))
            self.tell(.ended(worker.agentSession))
        }
    }

    /// A node vanishes without a sign: its streams stay open, and nothing comes over them.
    func silence(_ node: NodeID) { worker(of: node)?.end() }

    private func worker(of node: NodeID) -> BenchWorker? {
        state.withLock { state in state.workers.values.first { $0.node == node } }
    }

    // MARK: The coordinator's shell

    private func tick() {
        let workers = state.withLock { $0.workers }
        for (session, worker) in workers.sorted(by: { $0.key < $1.key }) where !worker.link.isGone {
            let isAgent = session == worker.agentSession
            tell(isAgent ? .agent(session, .heartbeat) : .worker(session, .heartbeat))
        }
        tell(.event(.tick))
        attempt { try script.ticked(self) }
    }

    private func take(_ message: WorkerMessage, _ session: SessionID) {
        guard let worker = state.withLock({ $0.workers[session] }) else { return }
        if case .prepared(let report) = message {
            state.withLock { $0.records.received[worker.node, default: 0] += report.received }
        }
        attempt { try state.withLock { try $0.traffic.note(message, from: worker.node) } }
        if script.holds(message, of: worker.node) {
            return script.keep { self.tell(.worker(session, .message(message))) }
        }
        tell(.worker(session, .message(message)))
    }

    private func tell(_ input: CoordinatorInstance.Input) {
        let directives = state.withLock { state in
            var performed: [CoordinatorInstance.Directive] = []
            state.instance.handle(input, now: MonotonicTime.now)
            while let directive = state.instance.next(now: MonotonicTime.now) {
                state.records.note(directive)
                performed.append(directive)
                state.instance.completed(now: MonotonicTime.now)
            }
            return performed
        }
        for directive in directives {
            attempt { try state.withLock { try $0.traffic.note(directive) } }
            perform(directive)
        }
    }

    private func perform(_ directive: CoordinatorInstance.Directive) {
        switch directive {
        case .worker(let session, .message(let message)):
            guard let worker = state.withLock({ $0.workers[session] }) else { return }
            if !worker.link.isGone { worker.worker.receive(message) }
        case .record(let step):
            noteTraffic()
            attempt { try script.committed(step, self) }
        case .fence(let node): worker(of: node)?.end()
        case .wake(let time):
            let delay = max(0, (time - MonotonicTime.now).value)
            queue.asyncAfter(deadline: .now() + delay) { [weak self] in self?.tell(.wake) }
        case .checkpoint(let action): perform(action)
        default: break
        }
    }

    private func perform(_ action: CheckpointAction) {
        guard let store else { return }
        attempt {
            switch action {
            case .publish(let save):
                try store.publish(save)
                state.withLock { $0.records.published.append(save.step) }
                answer(.published(generation: save.generation, step: save.step))
            case .discard(let generation, let step):
                try store.discard(step: step, generation: generation)
            case .find(let limit, let corpus, let excluded):
                let found = store.newest(
                    atMost: limit,
                    corpusDigest: corpus,
                    excluding: excluded
                )
                answer(.found(found.point, passedOver: found.passedOver))
            }
        }
    }

    /// A step is committed: no worker has begun the next one.
    private func noteTraffic() {
        state.withLock { state in
            var traffic = state.traffic
            for (session, worker) in state.workers where session == worker.workerSession {
                traffic.tensorBytes += worker.worker.tensorBytesHandedOver
            }
            state.records.traffic.append(traffic)
        }
    }

    /// A failure here is one of the test.
    private func attempt(_ body: () throws -> Void) {
        do { try body() } catch { Issue.record(error) }
    }

    private func answer(_ outcome: CheckpointOutcome) {
        queue.async { self.tell(.event(.checkpoint(outcome))) }
    }
}
