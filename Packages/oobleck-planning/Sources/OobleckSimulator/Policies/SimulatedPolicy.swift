import OobleckReconfiguration
import OobleckValues

/// The policies by name.
public enum SimulatedPolicy: String, Sendable, CaseIterable, Codable {
    /// Checkpoints that training waits for.
    case checkpoint
    /// Checkpoints written in the background.
    case asynchronousCheckpoint = "checkpoint-async"
    /// The same as the first with the best depth for each count of nodes.
    case varuna
    /// Redundant computation.
    case bamboo
    /// Templates; plans as in production, policy `optimal`.
    case oobleck
    /// Templates; plans by the published rules.
    case oobleckPublished = "oobleck-sosp23"
    /// Microbatches rerouted into bubbles.
    case recycle
    /// Pipelines left out.
    case replicaDrop = "replica-drop"
    /// Nodes in reserve.
    case hotSpares = "hot-spares"
    /// Changes for free.
    case zeroCost = "zero-cost"
    /// Besides, no bubbles.
    case clairvoyant

    /// The policy of a name.
    public init(name: String) throws {
        guard let known = Self(rawValue: name.lowercased()) else {
            let names = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw OobleckError(.usage, "there is no policy \(name); known are \(names)")
        }
        self = known
    }

    /// Why its samples are not those of the other policies; `nil` where they are.
    public var caveat: String? {
        self == .replicaDrop
            ? "trains smaller batches after a loss, so that its samples are not comparable" : nil
    }

    /// What of a world with slow nodes or notices it does nothing about, though a system could;
    /// `nil` if there is nothing, and for bounds, which pay for nothing.
    func disregards(slowNodes: Bool, notices: Bool) -> String? {
        guard !isBound else { return nil }
        let keepsSlow = slowNodes && self != .oobleck && self != .oobleckPublished
        let passed =
            (keepsSlow ? ["lets slow nodes work"] : [])
            + (notices && self == .bamboo ? ["does nothing at a notice"] : [])
        return passed.isEmpty ? nil : passed.joined(separator: " and ")
    }

    /// Its name in charts.
    public var label: String { caveat == nil ? rawValue : "\(rawValue) (smaller batches)" }

    /// Whether it is a bound, not a system.
    public var isBound: Bool { self == .zeroCost || self == .clairvoyant }

    /// The policy as a value for at most `nodes` nodes.
    ///
    /// - Parameters:
    ///   - table: Its steps.
    ///   - nodes: The most nodes there are at once.
    ///   - interval: Between checkpoints that every loss goes back to.
    ///   - meanTimeToFailure: Of the whole job.
    ///   - reserve: Spare nodes of `hot-spares`.
    ///   - backupInterval: Between checkpoints, written in the background, of policies that go back
    ///     to one only when a layer's last copy is lost.
    ///   - varunaRestart: How long Varuna takes to start anew; by default as long as all.
    /// - Returns: The policy before anything happened.
    /// - Throws: ``OobleckError`` for values that make no sense.
    public func make(
        _ table: StepTable,
        nodes: Int,
        interval: CheckpointPlan.Interval = .youngDaly,
        meanTimeToFailure: Seconds?,
        reserve: Int = 1,
        backupInterval: Seconds = 3600,
        varunaRestart: Seconds? = nil
    ) throws -> any ResiliencePolicy {
        func plan(isAsynchronous: Bool) -> CheckpointPlan {
            CheckpointPlan(
                interval,
                isAsynchronous: isAsynchronous,
                meanTimeToFailure: meanTimeToFailure
            )
        }
        let rare = CheckpointPlan(
            .time(backupInterval),
            isAsynchronous: true,
            meanTimeToFailure: nil
        )
        switch self {
        case .checkpoint: return CheckpointRestart(table, checkpoints: plan(isAsynchronous: false))
        case .asynchronousCheckpoint:
            return CheckpointRestart(table, checkpoints: plan(isAsynchronous: true))
        case .varuna:
            return CheckpointRestart(
                table,
                checkpoints: plan(isAsynchronous: false),
                choosesDepth: true,
                restart: varunaRestart
            )
        case .bamboo: return Bamboo(table, checkpoints: rare)
        case .oobleck: return try OobleckPolicy(table, .optimal, nodes: nodes, checkpoints: rare)
        case .oobleckPublished:
            return try OobleckPolicy(table, .sosp23, nodes: nodes, checkpoints: rare)
        case .recycle: return ReplicaPolicy(table, .rerouting, checkpoints: rare)
        case .replicaDrop: return ReplicaPolicy(table, .replicaDrop, checkpoints: rare)
        case .hotSpares:
            return ReplicaPolicy(table, .hotSpares(reserve: reserve), checkpoints: rare)
        case .zeroCost: return Bound(table, .zeroCost)
        case .clairvoyant: return Bound(table, .clairvoyant)
        }
    }

    /// Why a policy cannot run the model at all, if so.
    public func obstacle(_ table: StepTable) -> String? {
        self == .bamboo ? Bamboo.obstacle(table) : nil
    }
}
