import OobleckCore
import OobleckTensor
import Synchronization

/// The resources of a generation: the rendezvous store and the groups.
///
/// Any thread may abort it, which ends every wait of the training thread in it.
final class GenerationResources: Sendable {
    private struct State {
        /// Where the other members listen to be found.
        var addresses: [WorkerID: String] = [:]
        var groups: [String: CommunicationGroup] = [:]
        var isAborted = false
    }

    let generation: Generation
    let store: RendezvousStore
    private let state = Mutex(State())

    init(generation: Generation, link: any ControlLink) throws {
        self.generation = generation
        store = try RendezvousStore { key, value in
            link.send(
                .rendezvous(Rendezvous(generation: generation, key: key, value: value))
            )
        }
    }

    /// What another member published.
    func receive(key: String, value: [UInt8]) {
        guard key.hasPrefix(PeerReach.keyPrefix),
            let worker = WorkerID(String(key.dropFirst(PeerReach.keyPrefix.count)))
        else { return store.receive(key: key, value: value) }
        state.withLock { $0.addresses[worker] = String(decoding: value, as: UTF8.self) }
    }

    /// The other nodes that cannot be reached, which takes at most `time`.
    func unreachedMembers(of plan: ExecutionPlan, within time: Seconds) -> [NodeID] {
        let members = Set(plan.nodes)
        let addresses = state.withLock { $0.addresses }.filter { members.contains($0.key.node) }
        let unreached = PeerReach.unreached(addresses, within: time) {
            state.withLock { $0.isAborted }
        }
        return unreached.nodes
    }

    /// Ends all waits of this generation, now and later.
    func abort() {
        store.abort()
        let groups = state.withLock { state in
            state.isAborted = true
            return Array(state.groups.values)
        }
        for group in groups { group.abort() }
    }

    /// Throws when the generation was aborted.
    func checkAborted() throws {
        guard !state.withLock({ $0.isAborted }) else {
            throw TensorError(code: .aborted, message: "generation \(generation) was aborted")
        }
    }

    func add(_ group: CommunicationGroup, name: String) {
        let isAborted = state.withLock { state in
            state.groups[name] = group
            return state.isAborted
        }
        if isAborted { group.abort() }
    }

    /// The group of this name, or `nil` for no name.
    func group(_ name: String?) -> CommunicationGroup? {
        guard let name else { return nil }
        return state.withLock { $0.groups[name] }
    }

    /// Bytes of the tensors that this worker handed over to its groups.
    var bytesHandedOver: Int {
        state.withLock { $0.groups.values.reduce(0) { $0 + $1.bytesHandedOver } }
    }

    /// Drops the groups; their sockets close and their threads end.
    func release() { state.withLock { $0.groups = [:] } }
}
