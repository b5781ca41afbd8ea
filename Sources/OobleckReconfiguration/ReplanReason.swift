import OobleckCore
import OobleckPlanning

/// Words for a plan that follows another: what happened, what was done, and what it costs.
struct ReplanReason {
    /// Most changes that are told one by one.
    private static let mostChanges = 6

    let policy: ReplanPolicy
    let lost: [NodeID]
    let joined: [NodeID]
    let changes: [PipelineChange]
    let instantiation: Instantiation
    let idle: [NodeID]
    let transfers: [LayerTransfer]
    let lostLayers: [Int]
    let old: ExecutionPlan
    let faultTolerance: Int
    let hasProfile: Bool
    let otherStep: Seconds

    /// One line.
    var line: String {
        var parts: [String] = []
        if instantiation.nodeCounts.count <= faultTolerance { parts.append(warning) }
        parts.append("\(policy.rawValue) after \(event)")
        parts += changes.prefix(Self.mostChanges).map(\.description)
        if changes.count > Self.mostChanges {
            let more = changes.count - Self.mostChanges
            parts.append(PlanReason.count(more, "more change"))
        }
        parts.append(
            "\(PlanReason.pipelines(instantiation)): predicted step "
                + "\(PlanReason.time(instantiation.step)), was \(PlanReason.time(old.stepTime))"
        )
        parts.append(copies)
        if !lostLayers.isEmpty {
            let noun = lostLayers.count == 1 ? "layer" : "layers"
            parts.append("layout only: \(noun) \(rangesPhrase(lostLayers)) must be restored")
        }
        if !idle.isEmpty { parts.append("\(phrase(idle)) idle, no template fits") }
        if let synchronization { parts.append(synchronization) }
        parts.append("\(policy.other.rawValue) would take \(PlanReason.time(otherStep))")
        return parts.joined(separator: "; ")
    }

    private var warning: String {
        let copies = instantiation.nodeCounts.count
        return "warning: \(PlanReason.count(faultTolerance, "loss", plural: "losses")) at once not "
            + "covered, \(PlanReason.count(copies, "copy", plural: "copies")) of each layer"
    }

    private var event: String {
        var events: [String] = []
        if !lost.isEmpty { events.append("\(phrase(lost)) lost") }
        if !joined.isEmpty { events.append("\(phrase(joined)) joined") }
        return events.joined(separator: " and ")
    }

    private var copies: String {
        guard !transfers.isEmpty else { return "nothing to copy" }
        let count = PlanReason.count(transfers.count, "layer")
        guard hasProfile else { return "\(count) to copy, bytes unknown without a profile" }
        return "\(transfers.reduce(ByteCount.zero) { $0 + $1.bytes }) to copy in \(count)"
    }

    /// What the synchronisation was taken to be, where it is not known.
    private var synchronization: String? {
        let count = instantiation.nodeCounts.count
        guard !hasProfile, count > 1, count != old.pipelines.count else { return nil }
        guard old.pipelines.count > 1 else {
            return "synchronisation of \(count) pipelines unknown without a profile, taken as 0"
        }
        return "synchronisation of \(PlanReason.time(instantiation.synchronization)) kept from the "
            + "plan of \(old.pipelines.count) pipelines, as there is no profile"
    }
}
