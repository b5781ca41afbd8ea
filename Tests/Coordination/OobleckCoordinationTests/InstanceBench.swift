import OobleckCoordination
import OobleckCore
import OobleckWorlds

/// A coordinator's instance under test, with a disk that takes what it is given unless it is told not
/// to.
struct InstanceBench {
    typealias Directive = CoordinatorInstance.Directive

    var instance: CoordinatorInstance
    var now: Seconds = 0
    /// Whether this coordinator leads the run.
    var mayAct = true
    /// What became of the directives that fail, if some do.
    var failure: (Directive) -> CoordinatorInstance.DirectiveResult? = { _ in nil }
    /// All that was done so far.
    private(set) var done: [Directive] = []
    private var lastSession = 0

    init(nodes: Int, steps: Int = 10, mostAgents: Int = .max) throws {
        let coordinator = try ToyModel().coordinator(nodes: nodes, steps: steps)
        instance = CoordinatorInstance(coordinator, mostAgents: mostAgents)
    }

    /// Tells the instance, performs what follows, and returns that.
    @discardableResult
    mutating func tell(_ input: CoordinatorInstance.Input) -> [Directive] {
        let before = done.count
        instance.handle(input, mayAct: mayAct, now: now)
        while let directive = instance.next(now: now) {
            let result = failure(directive) ?? .done
            if case .done = result { done.append(directive) }
            instance.completed(result, mayAct: mayAct, now: now)
        }
        return Array(done[before...])
    }

    @discardableResult
    mutating func tick(after seconds: Seconds) -> [Directive] {
        now = now + seconds
        return tell(.event(.tick))
    }

    /// A peer opens a session and says hello.
    mutating func greet(
        _ side: SessionSide,
        _ hello: SessionHello
    ) -> (session: SessionID, did: [Directive]) {
        lastSession += 1
        let session = SessionID(lastSession)
        return (session, tell(.hello(session, side, hello, isOwn: false)))
    }

    /// A node joins with agent and worker; returns their sessions.
    @discardableResult
    mutating func join(_ node: NodeID) -> (agent: SessionID, worker: SessionID) {
        let agent = greet(.agent, SessionHello(node: node, pid: 100 + node.rawValue)).session
        let worker = greet(.worker, SessionHello(node: node, pid: 200 + node.rawValue)).session
        return (agent, worker)
    }

    /// All nodes join and are ready, so that they are planned for.
    @discardableResult
    mutating func start(nodes: Int) -> [(agent: SessionID, worker: SessionID)] {
        let sessions = (0..<nodes).map { join(NodeID($0)) }
        for (_, worker) in sessions {
            tell(.worker(worker, .message(.ready(corpusDigest: "c0ffee"))))
        }
        return sessions
    }

    /// The disk is full from now on, or takes things again.
    mutating func fillDisk(_ isFull: Bool = true) {
        let full = OobleckError(.storage, "cannot write /run: No space left on device")
        failure = { isFull && $0.isKept ? .failed(full) : nil }
    }
}

extension CoordinatorInstance.Directive {
    /// Why a peer is refused, if it is.
    var refusal: String? {
        switch self {
        case .agent(_, .refused(let reason)), .worker(_, .refused(let reason)): reason
        default: nil
        }
    }

    /// The session that something is sent over, if something is.
    var addressee: SessionID? {
        switch self {
        case .agent(let session, _), .worker(let session, _): session
        default: nil
        }
    }
}
