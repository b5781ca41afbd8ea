import OobleckCore

/// The decisions of a worker's session: hands on what the coordinator says, says what the training
/// thread says, and when the coordinator restarts comes back with what the worker holds.
package struct WorkerSession: SessionLogic {
    /// What the training thread says.
    package typealias Local = WorkerMessage

    /// What is to be handed to the training thread, in order.
    package typealias Action = CoordinatorMessage

    package typealias Directive = SessionDirective<WorkerReport, Action>

    private let firstHello: SessionHello
    private var memory: WorkerMemory
    private var wasWelcome = false
    private var link: SessionLink
    private var isOver = false

    /// The session of a worker.
    ///
    /// The first thing to be done is to connect.
    package init(
        worker: WorkerID,
        hello: SessionHello,
        deadlines: Deadlines = .standard,
        hasStandby: Bool = false,
        now: Seconds
    ) {
        firstHello = hello
        memory = WorkerMemory(worker: worker)
        let deadlines = SessionDeadlines(first: deadlines.connect, hasStandby: hasStandby)
        link = SessionLink(deadlines: deadlines, now: now)
    }

    package var nextWake: Seconds { link.nextWake }

    /// What the worker would tell a coordinator now.
    package var testimony: WorkerTestimony { memory.testimony }

    package mutating func handle(
        _ event: SessionEvent<WorkerInstruction, WorkerMessage>,
        now: Seconds
    ) -> [Directive] {
        guard !isOver else { return [] }
        switch event {
        case .opened: return [.hello(hello)]
        case .received(let instruction):
            guard link.heard(now: now) else {
                return [.disconnect] + directives(link.closed("it fell silent", now: now))
            }
            return receive(instruction, now: now)
        case .closed(let reason): return directives(link.closed(reason, now: now))
        case .refused(let error): return fail(error)
        case .local(let message):
            memory.said(message)
            // What is said to nobody is in the hello to the next coordinator, or done again.
            return link.isOpen ? [.send(.message(message))] : []
        case .wake: return directives(link.wake(now: now))
        }
    }

    private var hello: SessionHello {
        var hello = firstHello
        hello.isReturning = wasWelcome
        hello.testimony = wasWelcome ? memory.testimony : nil
        return hello
    }

    private mutating func receive(_ instruction: WorkerInstruction, now: Seconds) -> [Directive] {
        switch instruction {
        case .welcome(_, let budget, let wait):
            let steps = directives(link.answered(budget: budget, wait: wait, now: now))
            guard wasWelcome else {
                wasWelcome = true
                return steps
            }
            return steps + (memory.failure.map { [.send(.message($0))] } ?? [])
        case .heartbeat: return []
        case .refused(let reason):
            return fail(OobleckError(.outOfNodes, "the coordinator refuses: \(reason)"))
        case .message(let message):
            memory.heard(message)
            guard case .stop(let reason) = message else { return [.act(message)] }
            return [.act(message)] + end(.inOrder(reason: reason))
        }
    }

    private mutating func directives(_ steps: [SessionLink.Step]) -> [Directive] {
        var all: [Directive] = []
        for step in steps {
            switch step {
            case .connect: all.append(.connect)
            case .disconnect: all.append(.disconnect)
            case .beat: all.append(.send(.heartbeat))
            case .giveUp(let error): all += fail(error)
            }
        }
        return all
    }

    private mutating func fail(_ error: OobleckError) -> [Directive] { end(.failed(error)) }

    private mutating func end(_ ending: SessionEnding) -> [Directive] {
        isOver = true
        link.end()
        return [.end(ending)]
    }
}
