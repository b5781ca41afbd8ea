import OobleckTemplates
import OobleckValues
import OobleckWords

/// The reason for a plan that follows another: what happened, what was done, and its cost.
struct ReplanReason {
    /// Most changes that are told one by one.
    private static let mostChanges = 6

    let policy: ReplanPolicy
    let lost: [NodeID]
    let joined: [NodeID]
    let option: PlanOption
    /// What it is compared with.
    let other: PlanOption?
    let idle: [NodeID]
    let lostLayers: [Int]
    /// Whether all ways to divide the nodes were compared.
    let comparesAll: Bool
    let old: ExecutionPlan
    let faultTolerance: Int
    let hasProfile: Bool
    let costModel: CostModel
    let costs: ReconfigurationCosts

    private var instantiation: Instantiation { option.instantiation }
    private var transfers: [LayerTransfer] { option.transfers }
    private var changes: [PipelineChange] { option.changes }

    /// One line.
    var line: String {
        var parts: [String] = []
        if instantiation.nodeCounts.count <= faultTolerance { parts.append(warning) }
        parts.append("\(policy.rawValue) after \(event)")
        parts += changes.prefix(Self.mostChanges).map(\.description)
        if changes.count > Self.mostChanges {
            let more = changes.count - Self.mostChanges
            parts.append(counted(more, "more change"))
        }
        parts.append(
            "\(PlanReason.pipelines(instantiation)): predicted step "
                + "\(PlanReason.time(instantiation.step)) (\(costModel.rawValue)), was \(PlanReason.time(old.stepTime))"
        )
        if !instantiation.isProved { parts.append("not proved the least step") }
        parts.append(copies)
        if !lostLayers.isEmpty {
            let noun = lostLayers.count == 1 ? "layer" : "layers"
            parts.append("layout only: \(noun) \(rangesPhrase(lostLayers)) must be restored")
        }
        if !option.isExact {
            parts.append(
                "more than \(counted(NodeAssignment.exactLimit, "node")) to place: not proved fewest bytes"
            )
        }
        if !idle.isEmpty { parts.append("\(phrase(idle)) idle, no template fits") }
        if let synchronization { parts.append(synchronization) }
        if let comparison { parts.append(comparison) }
        if policy == .optimal, !comparesAll { parts.append(PlanReason.tooMany) }
        return parts.joined(separator: "; ")
    }

    private var warning: String {
        let copies = instantiation.nodeCounts.count
        return "warning: \(counted(faultTolerance, "loss")) at once not "
            + "covered, \(counted(copies, "copy")) of each layer"
    }

    private var event: String {
        var events: [String] = []
        if !lost.isEmpty { events.append("\(phrase(lost)) lost") }
        if !joined.isEmpty { events.append("\(phrase(joined)) joined") }
        return events.joined(separator: " and ")
    }

    private var copies: String {
        guard !transfers.isEmpty else { return "nothing to copy" }
        let count = counted(transfers.count, "layer")
        guard hasProfile else { return "\(count) to copy, bytes unknown without a profile" }
        return "\(transfers.reduce(ByteCount.zero) { $0 + $1.bytes }) to copy in \(count)"
    }

    /// What the runner-up would have cost: its step time, and how much longer until the next
    /// failure its steps and copies would take in all.
    private var comparison: String? {
        guard let other else { return nil }
        let fastest = min(option.instantiation.step, other.instantiation.step)
        let more = cost(other, fastest) - cost(option, fastest)
        let time = PlanReason.time(other.instantiation.step)
        let isAsFast = time == PlanReason.time(instantiation.step)
        let isAlike =
            PlanReason.pipelines(other.instantiation) == PlanReason.pipelines(instantiation)
        let isNextBest = policy != .sosp23 && other.changes.isEmpty
        if isNextBest, isAlike, isAsFast, more == 0 { return nil }
        let name =
            policy == .sosp23
            ? ReplanPolicy.optimal.rawValue
            : !isNextBest
                ? ReplanPolicy.sosp23.rawValue
                : isAlike
                    ? "next best, the same pipelines placed otherwise,"
                    : "next best \(PlanReason.pipelines(other.instantiation))"
        if isAsFast, more == 0 { return "\(name) would take as long, with its copies" }
        let step =
            isAsFast ? "\(name) would take as long a step" : "\(name) would take \(time) a step"
        guard costs.timeToFailure.value.isFinite, more.isFinite else { return step }
        let difference = PlanReason.time(Seconds(abs(more)))
        return step + ", " + (more == 0 ? "as much" : "\(difference) \(more > 0 ? "more" : "less")")
            + " in \(PlanReason.time(costs.timeToFailure)) with its copies"
    }

    private func cost(_ option: PlanOption, _ fastest: Seconds) -> Double {
        costs.cost(
            step: option.instantiation.step,
            transfer: option.transferTime,
            fastest: fastest
        )
    }

    /// What the synchronisation was taken to be, where it is not known.
    private var synchronization: String? {
        let count = instantiation.nodeCounts.count
        guard !hasProfile, count > 1, count != old.pipelines.count else { return nil }
        guard old.pipelines.count > 1 else {
            return
                "synchronisation of \(counted(count, "pipeline")) unknown without a profile, taken as 0"
        }
        return "synchronisation of \(PlanReason.time(instantiation.synchronization)) kept from the "
            + "plan of \(counted(old.pipelines.count, "pipeline")), as there is no profile"
    }
}
