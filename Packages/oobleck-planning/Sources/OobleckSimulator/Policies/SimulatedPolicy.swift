import OobleckReconfiguration
public import OobleckValues

/// A policy by name: one of those that are known, or one of a client (``custom(_:make:)``).
///
/// Two policies are equal when their names are. New names may be added; a `switch` needs a default.
public struct SimulatedPolicy: RawRepresentable, Hashable, Sendable, CaseIterable, Codable {
    /// Makes the value that simulates a client's policy.
    public typealias Maker =
        @Sendable (_ table: StepTable, _ nodes: Int) throws ->
        any ResiliencePolicy

    /// The policy's name.
    public let rawValue: String
    /// Only of a client's policy.
    private let maker: Maker?

    private init(_ name: String, maker: Maker? = nil) {
        rawValue = name
        self.maker = maker
    }

    /// Checkpoints that training waits for.
    public static let checkpoint = Self("checkpoint")
    /// Checkpoints written in the background.
    public static let asynchronousCheckpoint = Self("checkpoint-async")
    /// The same as the first with the best depth for each count of nodes.
    public static let varuna = Self("varuna")
    /// Redundant computation.
    public static let bamboo = Self("bamboo")
    /// Templates; plans as in production, policy `optimal`.
    public static let oobleck = Self("oobleck")
    /// Templates; plans by the published rules.
    public static let oobleckPublished = Self("oobleck-sosp23")
    /// Microbatches rerouted into bubbles.
    public static let recycle = Self("recycle")
    /// Pipelines left out.
    public static let replicaDrop = Self("replica-drop")
    /// Nodes in reserve.
    public static let hotSpares = Self("hot-spares")
    /// Changes for free.
    public static let zeroCost = Self("zero-cost")
    /// Besides, no bubbles.
    public static let clairvoyant = Self("clairvoyant")

    /// All that are known by name.
    public static let allCases: [Self] = [
        .checkpoint, .asynchronousCheckpoint, .varuna, .bamboo, .oobleck, .oobleckPublished,
        .recycle, .replicaDrop, .hotSpares, .zeroCost, .clairvoyant,
    ]

    /// A policy of a client, which `make` makes for a model's steps and the most nodes there are at once.
    ///
    /// A name that is known already stands for the client's policy in this experiment.
    public static func custom(_ name: String, make: @escaping Maker) -> Self {
        Self(name, maker: make)
    }

    /// The known policy of exactly this name; `nil` for any other.
    public init?(rawValue: String) {
        guard let known = Self.allCases.first(where: { $0.rawValue == rawValue }) else {
            return nil
        }
        self = known
    }

    /// The known policy of a name, in small or capital letters.
    ///
    /// - Throws: ``OobleckError/Code/usage`` for an unknown name.
    public init(name: String) throws {
        guard let known = Self(rawValue: name.lowercased()) else {
            let names = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw OobleckError(.usage, "there is no policy \(name); known are \(names)")
        }
        self = known
    }

    /// Whether the names are equal.
    public static func == (left: Self, right: Self) -> Bool { left.rawValue == right.rawValue }

    /// Hashes the name.
    public func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }

    /// Why its samples are not those of the other policies; `nil` where they are.
    public var caveat: String? {
        self == .replicaDrop
            ? "trains smaller batches after a loss, so that its samples are not comparable" : nil
    }

    /// What of a world with slow nodes or notices it does nothing about, though a system could;
    /// `nil` if there is nothing, and for bounds, which pay for nothing.
    func disregards(slowNodes: Bool, notices: Bool) -> String? {
        guard !isBound, maker == nil else { return nil }
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
        if let maker { return try maker(table, nodes) }
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
        case .zeroCost: return BoundPolicy(table, .zeroCost)
        case .clairvoyant: return BoundPolicy(table, .clairvoyant)
        default: preconditionFailure("policy \(rawValue) is known and cannot be made")
        }
    }

    /// Why a policy cannot run the model at all, if so.
    public func obstacle(_ table: StepTable) -> String? {
        self == .bamboo ? Bamboo.obstacle(table) : nil
    }
}
