import OobleckCoordination

/// How a run in etcd ended.
struct EtcdOutcome {
    let text: String
    /// Whether the run was stopped, and may be resumed.
    var isStopped: Bool { text.hasPrefix("stopped") }
}

extension EtcdClient {
    /// How the run ended; `nil` while it has not.
    func outcome() async throws -> EtcdOutcome? {
        try await read(FencedLead.outcomeName)
            .map { EtcdOutcome(text: String(decoding: $0, as: UTF8.self)) }
    }
}
