import OobleckCoordination
import OobleckCore

/// The coordinator's process: the production value, and what its machine does to it.
struct CoordinatorShell {
    var instance: CoordinatorInstance
    /// Streams whose first message has come; they are given signs of life.
    var streams: Set<Int> = []
    var isDiskFull = false
    /// What is written of a completed run, and then how the run ended.
    var result: RunOutcome?
    var outcome: RunOutcome?
    var isFrozen = false
    var missedTick = false
    /// The process has died, and no other has taken over yet.
    var isDown = false
    /// Dies after so many directives, for so many seconds.
    var crash: (directives: Int, seconds: Double)?
    /// Set once it leads no more: after how many seconds another one does.
    var deposedFor: Double?
    /// Whether nodes have been told to leave because someone asked for the end.
    var hasSaidFarewell = false
    /// Whether someone has had the run go on after it was stopped.
    var isResumed = false
    /// What it wrote.
    var files = SimulatedFiles()
    /// What it kept for the next one.
    var store: DurableState { files.state }
    var beaten = -1.0
    /// When it last decided on something.
    var decided = 0.0
    /// What came while the process stood still, or waited for a write.
    var backlog: [Delayed] = []
    /// What came of the shared store while the process stood still.
    var storeBacklog: [StoreHappening] = []
    /// Whether the run is resumed with new nodes, and the next coordinator waits for them.
    var awaitsNewcomers = false

    /// Something that waits until the process goes on.
    enum Delayed {
        case payload(Payload, session: Int)
        case input(CoordinatorInstance.Input)
    }

    init(_ coordinator: Coordinator) {
        instance = CoordinatorInstance(coordinator)
        instance.recordsDecisions = true
    }
}

// MARK: What it hears

extension World {
    /// A message, or the end of a stream, gets to the coordinator's process.
    func receive(_ payload: Payload, on session: Int) {
        guard !shell.isFrozen, !isWriting else {
            return shell.backlog.append(.payload(payload, session: session))
        }
        guard sessions[session].isOpenHere else { return }
        let id = SessionID(session)
        switch payload {
        case .hello(let hello):
            shell.streams.insert(session)
            let side: SessionSide = sessions[session].process.role == .agent ? .agent : .worker
            tell(.hello(id, side, hello, isOwn: false))
        case .agentNotice(let notice): tell(.agent(id, notice))
        case .workerNotice(let notice): tell(.worker(id, notice))
        case .end:
            closeHere(session)
            tell(.ended(id))
        case .agentInstruction, .workerInstruction: break
        }
    }

    /// Something happens that no stream says: time, a request, an answer of the checkpoint store.
    func tell(_ event: CoordinatorEvent) { tell(.event(event)) }

    func tell(_ input: CoordinatorInstance.Input) {
        guard !shell.isDown else { return }
        guard !shell.isFrozen, !isWriting else { return shell.backlog.append(.input(input)) }
        shell.instance.handle(input, mayAct: mayAct(), now: Seconds(now))
        performDirectives()
    }

    /// Signs of life for all peers, four a budget.
    func giveSignsOfLife() {
        let isDue = now - shell.beaten >= Self.detectionBudget / 4
        guard isDue, mayAct() else { return }
        shell.beaten = now
        shell.streams = shell.streams.filter { sessions[$0].isOpenHere }
        for session in shell.streams.sorted() {
            let isAgent = sessions[session].process.role == .agent
            transmit(
                isAgent ? .agentInstruction(.heartbeat) : .workerInstruction(.heartbeat),
                over: session,
                isUp: false
            )
        }
    }

    /// The process goes on: what came in meanwhile and the late tick, in either order.
    func thawCoordinator() {
        guard shell.isFrozen else { return }
        shell.isFrozen = false
        let store = shell.storeBacklog
        shell.storeBacklog = []
        for happening in store { happen(happening) }
        takeBacklog()
    }

    /// The process can listen again.
    func takeBacklog() {
        guard !shell.isFrozen, !isWriting else { return }
        let (backlog, missedTick) = (shell.backlog, shell.missedTick)
        shell.backlog = []
        shell.missedTick = false
        let isTickFirst = random.chance(0.5)
        if missedTick, isTickFirst { tell(.tick) }
        for delayed in backlog {
            switch delayed {
            case .payload(let payload, let session): receive(payload, on: session)
            case .input(let input): tell(input)
            }
        }
        if missedTick, !isTickFirst { tell(.tick) }
    }
}
