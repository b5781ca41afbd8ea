import OobleckCore

/// What the coordinator decides, in terms of sessions.
extension CoordinatorInstance {
    /// Messages that may wait for one peer: a step needs a handful; building groups a few for each
    /// pair of nodes.
    package static let mostMessages = 8192

    mutating func add(_ directive: CoordinatorDirective) {
        switch directive {
        case .send(let worker, let message):
            if case .reconfigure = message { hasPlanned = true }
            guard let session = workers[worker] else { return }
            work.add(.worker(session, .message(message)))
        case .fence(let node, let reason): fence(node, reason)
        case .dismiss(let node, let reason):
            guard let session = agents[node] else { return }
            work.add(.agent(session, .stop(reason: reason)))
        case .closeSessions: closeSessions()
        case .conclude(let outcome):
            work.add(.write(outcome))
            work.add(.conclude(outcome))
        case .finish(let outcome): finish(outcome)
        case .persist(let change): work.add(.persist(change))
        case .record(let step): work.add(.record(step))
        case .log(let event): work.add(.log(event))
        case .publish(let plan): work.add(.publish(plan))
        case .recovered(let record): work.add(.recovered(record))
        case .measured(let step): work.add(.measured(step))
        case .store(let chunk): work.add(.store(chunk))
        case .checkpoint(let action): work.add(.checkpoint(action))
        case .restored(let restored): work.add(.restored(restored))
        case .recordArithmetic(let recorded): work.add(.recordArithmetic(recorded))
        case .recordEvaluation(let recorded): work.add(.recordEvaluation(recorded))
        }
    }

    private mutating func fence(_ node: NodeID, _ reason: String) {
        fenced.insert(node)
        for worker in workers.keys.filter({ $0.node == node }).sorted() {
            guard let session = workers.removeValue(forKey: worker) else { continue }
            work.add(.worker(session, .refused(reason: reason)))
            close(session)
        }
        if let session = agents.removeValue(forKey: node) {
            work.add(.agent(session, .fence(reason: reason)))
            close(session)
        }
        work.add(.fence(node))
    }

    /// Nothing more is said in this session, and nothing that it says counts.
    mutating func close(_ session: SessionID) {
        peers[session] = nil
        work.add(.close(session))
    }

    private mutating func closeSessions() {
        let open = sessions
        (workers, agents, departures) = ([:], [:], [])
        for session in open { close(session) }
    }

    private var sessions: [SessionID] { (Array(workers.values) + Array(agents.values)).sorted() }

    private mutating func finish(_ outcome: RunOutcome) {
        ending = outcome
        inbox = []
        for session in agents.values.sorted() {
            work.add(.agent(session, .stop(reason: "the run is over")))
        }
        end(outcome)
    }

    /// Ends this process's part; what was said before is still sent.
    ///
    /// The sessions stay known until their streams end, so that a shell can wait for that.
    mutating func end(_ outcome: RunOutcome) {
        ending = outcome
        for session in sessions { work.add(.close(session)) }
        work.add(.finish(outcome))
    }

    /// Another coordinator has taken over: nothing is sent or written any more.
    mutating func stepDown() {
        (work, urgent, inbox) = (DirectiveQueue(), [], [])
        end(.stopped(.deposed))
    }

    /// The directive as it is to be performed after a fault; `nil` if nothing of it is.
    ///
    /// Nothing may follow from a step that makes no sense: no commit, and no plan after it.
    func withFault(_ directive: Directive) -> Directive? {
        guard fault != nil else { return directive }
        return switch directive {
        case .worker(_, .message(.stop)): directive
        case .worker(_, .message): nil
        case .write(let outcome): .write(withFault(outcome))
        case .conclude(let outcome): .conclude(withFault(outcome))
        case .finish(let outcome): .finish(withFault(outcome))
        default: directive
        }
    }

    func withFault(_ outcome: RunOutcome) -> RunOutcome {
        fault.map { .stopped($0.error) } ?? outcome
    }
}
