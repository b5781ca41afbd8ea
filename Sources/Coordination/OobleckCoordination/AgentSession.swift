import OobleckCore

/// The decisions of an agent: joins a run, starts a worker for each device, keeps them while it looks for
/// a coordinator that restarts, and sees to it that they never outlive the run.
package struct AgentSession: SessionLogic {
    /// What happens on the node.
    package enum Local: Hashable, Sendable {
        /// A worker is gone; `inOrder` when it was the last of all that left because they were told to.
        case workerExited(evidence: String, inOrder: Bool, isOutOfMemory: Bool = false)
        /// A worker could not be started.
        case workerFailed(OobleckError)
        /// The node is to leave in order, as when its machine is taken away.
        case departure(reason: String)
    }

    /// What is to be done on the node.
    package enum Action: Hashable, Sendable {
        /// Start a worker on each of the node's devices.
        case startWorkers(
            NodeID,
            devices: Int = 1,
            detectionBudget: Seconds,
            cpuLevel: CPULevel? = nil
        )
        case killWorkers
        /// Let the workers leave by themselves, and end those that take too long.
        case dismissWorkers
    }

    package typealias Directive = SessionDirective<AgentReport, Action>

    private var hello: SessionHello
    /// Why the node is to leave, once it is.
    private var departure: String?
    private var wasAdmitted = false
    private var link: SessionLink
    private var isOver = false

    /// An agent that says `hello`.
    ///
    /// `deadlines` are what the budget is taken to be before the coordinator has said.
    /// The first thing to be done is to connect.
    package init(
        hello: SessionHello,
        deadlines: Deadlines = .standard,
        hasStandby: Bool = false,
        now: Seconds
    ) {
        self.hello = hello
        let deadlines = SessionDeadlines(first: deadlines.connect, hasStandby: hasStandby)
        link = SessionLink(deadlines: deadlines, now: now)
    }

    package var nextWake: Seconds { link.nextWake }

    package mutating func handle(
        _ event: SessionEvent<AgentInstruction, Local>,
        now: Seconds
    ) -> [Directive] {
        guard !isOver else { return [] }
        switch event {
        case .opened:
            return [.hello(hello)]
        case .received(let instruction):
            guard link.heard(now: now) else {
                return [.disconnect] + directives(link.closed("it fell silent", now: now))
            }
            return receive(instruction, now: now)
        case .closed(let reason):
            let steps = directives(link.closed(reason, now: now))
            if departure != nil { link.hurry(now: now) }
            return steps
        case .refused(let error): return kill(error)
        case .local(.workerExited(let evidence, let inOrder, let isOutOfMemory)):
            let report = AgentReport.workerExited(evidence: evidence, isOutOfMemory: isOutOfMemory)
            return workerExited(report, evidence, inOrder: inOrder)
        case .local(.workerFailed(let error)): return end(.failed(error))
        case .local(.departure(let reason)):
            departure = departure ?? reason
            if link.isOpen { return farewell }
            guard wasAdmitted else { return [.act(.killWorkers)] + end(.inOrder(reason: reason)) }
            link.hurry(now: now)
            return []
        case .wake: return directives(link.wake(now: now))
        }
    }

    private mutating func receive(_ instruction: AgentInstruction, now: Seconds) -> [Directive] {
        switch instruction {
        case .admitted(let node, let budget, let wait, let level, let devices):
            hello.node = node
            hello.isReturning = true
            let steps = directives(link.answered(budget: budget, wait: wait, now: now))
            guard !wasAdmitted else { return steps + farewell }
            wasAdmitted = true
            let start = Action.startWorkers(
                node,
                devices: devices,
                detectionBudget: budget,
                cpuLevel: level
            )
            return steps + [.act(start)] + farewell
        case .heartbeat: return []
        case .refused(let reason):
            let code: OobleckError.Code = wasAdmitted ? .outOfNodes : .usage
            return kill(OobleckError(code, "the coordinator refuses: \(reason)"))
        case .fence(let reason):
            return kill(OobleckError(.outOfNodes, "put out of the run: \(reason)"))
        case .stop(let reason):
            // Who asked is news where the agent runs.
            let why = departure.map { "\(reason): \($0)" } ?? reason
            return [.act(.dismissWorkers)] + end(.inOrder(reason: why))
        }
    }

    /// What tells the coordinator that the node is to leave, if it is.
    private var farewell: [Directive] {
        departure.map { [.send(.leaving(reason: $0))] } ?? []
    }

    /// A node that lacks a worker is over: the coordinator hears of it if there is one.
    private mutating func workerExited(
        _ report: AgentReport,
        _ evidence: String,
        inOrder: Bool
    ) -> [Directive] {
        let last: [Directive] = link.isOpen ? [.send(report)] : []
        let ending =
            inOrder
            ? SessionEnding.inOrder(reason: "its worker was told to leave")
            : .failed(OobleckError(.outOfNodes, evidence))
        return last + end(ending)
    }

    private mutating func directives(_ steps: [SessionLink.Step]) -> [Directive] {
        var all: [Directive] = []
        for step in steps {
            switch step {
            case .connect: all.append(.connect)
            case .disconnect: all.append(.disconnect)
            case .beat: all.append(.send(.heartbeat))
            case .giveUp(let error):
                guard let departure else { return all + kill(error) }
                let reason = "\(departure), and found no coordinator to tell"
                all += [.act(.killWorkers)] + end(.inOrder(reason: reason))
            }
        }
        return all
    }

    private mutating func kill(_ error: OobleckError) -> [Directive] {
        [.act(.killWorkers)] + end(.failed(error))
    }

    private mutating func end(_ ending: SessionEnding) -> [Directive] {
        isOver = true
        link.end()
        return [.end(ending)]
    }
}
