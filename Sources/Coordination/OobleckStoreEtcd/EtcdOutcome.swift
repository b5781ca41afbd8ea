/// How a run in etcd ended.
struct EtcdOutcome {
    /// The key under which it is kept.
    static let key = "outcome"

    let text: String
    /// Whether the run was stopped, and may be resumed.
    var isStopped: Bool { text.hasPrefix("stopped") }
}

extension EtcdClient {
    /// How the run ended; `nil` while it has not.
    func outcome() async throws -> EtcdOutcome? {
        try await read(EtcdOutcome.key)
            .map { EtcdOutcome(text: String(decoding: $0, as: UTF8.self)) }
    }
}
