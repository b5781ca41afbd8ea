import OobleckCore
import OobleckRunFiles
import OobleckRunReport

/// The part of a run's page that changes most: what it does, and the numbers that matter.
struct RunHead: Encodable {
    var name: String
    var state: RunSummary.State
    var phase: String?
    var model: String
    var step: Int
    var steps: Int
    var generation: Int?
    var loss: Double?
    var firstLoss: Double?
    var validationLoss: Double?
    var validationStep: Int?
    var learningRate: Double?
    var rate: Double?
    /// `tokens` or `samples`.
    var unit: String
    var idleShare: Double?
    var utilization: Double?
    var alive: Int
    var pipelines: Int?
    var lost: Int
    var joined: Int
    var recoveryMedian: Double?
    var recoveryWorst: Double?
    /// Time at work, and that which is expected to be left.
    var elapsed: Double
    var left: Double?
    var usefulShare: Double?
    var checkpointStep: Int?
    /// Trouble, or why the run ended.
    var note: String?
    /// Events that can be read, to know when there are new ones.
    var events: Int
    /// Whether the coordinator can be asked for something.
    var mayAct: Bool
}

/// The curves of the loss.
struct LossSection: Encodable {
    struct Mark: Encodable {
        var step: Int
        var kind: String
        var text: String
    }

    var steps: Int
    /// Pairs of committed steps and loss.
    var training: [[Double]]
    var validation: [[Double]]
    var marks: [Mark]
}

/// Throughput in equal stretches of the run's time.
struct SpeedSection: Encodable {
    var unit: String
    /// Length of a stretch in seconds.
    var width: Double
    var rates: [Double]
}

/// What each node did over the time of the run.
struct LaneSection: Encodable {
    struct End: Encodable {
        var time: Double
        /// `lost`, `left` or `done`.
        var how: String
        var text: String
    }

    struct Lane: Encodable {
        var node: Int
        /// Each: what it does (-1 waits, -2 recovers, else the pipeline), start, end (-1: it lasts), generation.
        var spans: [[Double]]
        var end: End?
    }

    struct Generation: Encodable {
        var number: Int
        var time: Double
    }

    var lanes: [Lane]
    /// Lanes that are left out: those of the nodes that were lost first.
    var leftOut: Int
    var generations: [Generation]
    /// When the run went on after a stop.
    var breaks: [Double]
}

/// Recoveries, the newest first.
struct RecoverySection: Encodable {
    struct Recovery: Encodable {
        var time: Double
        var step: Int
        var nodes: [Int]
        var total: Double
        /// Detect, decide, rebuild, copy, and the rest, in seconds.
        var phases: [Double]
        var copied: String
        /// Work that was given up, in seconds.
        var given: Double?
        var reason: String
    }

    var recoveries: [Recovery]
    var total: Int
    /// Where the time went: kind, explanation, seconds.
    struct Use: Encodable {
        var kind: String
        var explanation: String
        var seconds: Double
    }

    var use: [Use]
}

/// The plan in force.
struct PlanSection: Encodable {
    struct Place: Encodable {
        var node: Int
        var layers: String
        var weight: Int
        var names: String
    }

    struct Row: Encodable {
        var name: String
        var microbatches: Int
        var places: [Place]
    }

    var generation: Int
    var reason: String
    var stepSeconds: Double
    var guarantee: String
    var idle: [Int]
    var pipelines: [Row]
}

/// The nodes as of now.
struct NodeSection: Encodable {
    struct Node: Encodable {
        var id: Int
        var name: String?
        var state: String
        var isAlive: Bool
        var pipeline: String?
        var stages: [Int]
        var agent: Int?
        var worker: Int?
        var slowness: Double?
    }

    var nodes: [Node]
}
