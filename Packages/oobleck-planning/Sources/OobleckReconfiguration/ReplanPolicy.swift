/// How the next plan is found.
public enum ReplanPolicy: String, Hashable, Sendable, Codable, CaseIterable {
    /// The published rules (``PublishedPolicy``).
    case sosp23
    /// The least predicted step time, nodes kept where they hold most.
    case optimal

    /// The policy that a plan is compared with.
    var other: ReplanPolicy { self == .sosp23 ? .optimal : .sosp23 }
}
