import OobleckCore

/// The decisions of an agent: joins a run, starts the node's worker, keeps it while it looks for a
/// coordinator that restarts, and sees to it that it never outlives the run.
package struct AgentSession: SessionLogic {
    /// What happens on the node.
    package enum Local: Hashable, Sendable {
        /// The worker is gone; `inOrder` when it left because it was told to.
        case workerExited(evidence: String, inOrder: Bool)
        /// The worker could not be started.
        case workerFailed(OobleckError)
    }

    /// What is to be done on the node.
    package enum Action: Hashable, Sendable {
        case startWorker(NodeID)
        case killWorker
        /// Let the worker leave by itself, and end it when it takes too long.
        case dismissWorker
    }

    package typealias Directive = SessionDirective<AgentNotice, Action>

    private let token: String
    private let pid: Int
    private var node: NodeID?
    private var wasAdmitted = false
    private var link: SessionLink
    private var isOver = false

    /// An agent that joins as `node`, or as the next free one.
    ///
    /// The first thing to be done is to connect.
    package init(
        token: String,
        node: NodeID?,
        pid: Int,
        hasStandby: Bool = false,
        now: Seconds
    ) {
        self.token = token
        self.node = node
        self.pid = pid
        link = SessionLink(deadlines: SessionDeadlines(hasStandby: hasStandby), now: now)
    }

    package var nextWake: Seconds { link.nextWake }

    package mutating func handle(
        _ event: SessionEvent<AgentInstruction, Local>,
        now: Seconds
    ) -> [Directive] {
        guard !isOver else { return [] }
        switch event {
        case .opened:
            return [
                .hello(SessionHello(token: token, node: node, pid: pid, isReturning: wasAdmitted))
            ]
        case .received(let instruction):
            guard link.heard(now: now) else {
                return [.disconnect] + directives(link.closed("it fell silent", now: now))
            }
            return receive(instruction, now: now)
        case .closed(let reason): return directives(link.closed(reason, now: now))
        case .local(.workerExited(let evidence, let inOrder)):
            return workerExited(evidence, inOrder: inOrder)
        case .local(.workerFailed(let error)): return end(.failed(error))
        case .wake: return directives(link.wake(now: now))
        }
    }

    private mutating func receive(_ instruction: AgentInstruction, now: Seconds) -> [Directive] {
        switch instruction {
        case .admitted(let node, let budget):
            self.node = node
            let steps = directives(link.answered(budget: budget, now: now))
            guard !wasAdmitted else { return steps }
            wasAdmitted = true
            return steps + [.act(.startWorker(node))]
        case .heartbeat: return []
        case .refused(let reason):
            let code: OobleckError.Code = wasAdmitted ? .outOfNodes : .usage
            return kill(OobleckError(code, "the coordinator refuses: \(reason)"))
        case .fence(let reason):
            return kill(OobleckError(.outOfNodes, "put out of the run: \(reason)"))
        case .stop: return [.act(.dismissWorker)] + end(.inOrder)
        }
    }

    /// A node without a worker is over: the coordinator hears of it if there is one.
    private mutating func workerExited(_ evidence: String, inOrder: Bool) -> [Directive] {
        let farewell: [Directive] = link.isOpen ? [.send(.workerExited(evidence: evidence))] : []
        let ending =
            inOrder ? SessionEnding.inOrder : .failed(OobleckError(.outOfNodes, evidence))
        return farewell + end(ending)
    }

    private mutating func directives(_ steps: [SessionLink.Step]) -> [Directive] {
        var all: [Directive] = []
        for step in steps {
            switch step {
            case .connect: all.append(.connect)
            case .disconnect: all.append(.disconnect)
            case .beat: all.append(.send(.heartbeat))
            case .giveUp(let error): all += kill(error)
            }
        }
        return all
    }

    private mutating func kill(_ error: OobleckError) -> [Directive] {
        [.act(.killWorker)] + end(.failed(error))
    }

    private mutating func end(_ ending: SessionEnding) -> [Directive] {
        isOver = true
        link.end()
        return [.end(ending)]
    }
}
