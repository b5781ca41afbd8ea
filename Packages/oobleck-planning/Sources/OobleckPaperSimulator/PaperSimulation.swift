public import OobleckSimulator
import OobleckValues
import OobleckWords

/// The published evaluation's simulators (artifact of the paper, `tools/simulator`), to the digit.
///
/// Times are whole milliseconds. A node is ready 45 s after it comes. When one goes, the system
/// reconfigures for a constant time and then takes a step after the other, each as long as a table
/// says for the count of nodes. There are no pipelines, no plans and no copies in it: for those see
/// `ClusterSimulation`. What is wrong in it stays, unless ``PaperCorrections`` say otherwise.
public struct PaperSimulation {
    /// Milliseconds from the coming of a node to its being ready.
    static let creationTime = 45_000
    /// Nodes of one pipeline of the published grid; with fewer nodes the system stands.
    static let gridStages = 12
    /// Steps after which the published runs end, by experiment.
    static let stepLimits = (frequency: 200_000, spot: 2_000_000_000)

    enum Status { case stopped, rendezvous, running }

    struct Node {
        let name: String
        var isReady = false
        /// Places in Bamboo's grid: its own, and the next one's if that node is gone.
        var places: [Place] = []
    }

    struct Place: Hashable {
        let pipeline: Int
        let stage: Int
    }

    let model: PaperModel
    let policy: PaperPolicy
    let experiment: PaperExperiment
    let corrections: PaperCorrections
    let table: [Double]?
    /// Other constants, for Bamboo's own evaluation.
    let setup: BambooMonteCarlo.Setup?

    var heap = PaperEventHeap()
    /// In order of coming.
    var nodes: [Node] = []
    var status = Status.stopped
    var rendezvous: [String] = []
    var version = 0
    var timer = 0
    var pipelines = 0
    var waiting = 0
    var stepTime = 0
    var hasStepTime = false
    var restartTime: Int
    /// End of the first reconfiguration.
    var start: Int?
    var previousEnd = 0
    var record = PaperRecord()
    var varuna = VarunaState()
    var bamboo = BambooState()

    /// A simulation of one policy of the paper.
    public init(
        model: PaperModel,
        policy: PaperPolicy,
        experiment: PaperExperiment,
        corrections: PaperCorrections = []
    ) {
        self.model = model
        self.policy = policy
        self.experiment = experiment
        self.corrections = corrections
        table = PaperTables.throughput(model, policy)
        setup = nil
        restartTime = PaperTables.reconfiguration(model, policy)
    }

    private init(_ setup: BambooMonteCarlo.Setup) {
        model = .bertLarge
        policy = .bamboo
        experiment = .spot
        corrections = []
        table = PaperTables.throughput(.bertLarge, .bamboo)
        self.setup = setup
        restartTime = setup.rebalancing
    }

    /// What Bamboo makes of a trace in its own evaluation.
    static func run(
        _ setup: BambooMonteCarlo.Setup,
        _ trace: PreemptionTrace
    ) throws -> PaperResult {
        var simulation = PaperSimulation(setup)
        return try simulation.run(trace)
    }

    /// What the policy makes of a trace.
    ///
    /// - Throws: `OobleckError` for a trace that the published simulator cannot play.
    public static func run(
        model: PaperModel,
        policy: PaperPolicy,
        trace: PreemptionTrace,
        experiment: PaperExperiment? = nil,
        corrections: PaperCorrections = []
    ) throws -> PaperResult {
        var simulation = PaperSimulation(
            model: model,
            policy: policy,
            experiment: experiment ?? PaperExperiment(trace),
            corrections: corrections
        )
        return try simulation.run(trace)
    }

    private var stepLimit: Int {
        if let setup { return setup.steps }
        return switch (experiment, policy) {
        // Bamboo's runs on spot traces kept the simulator's own limit.
        case (.spot, .bamboo): model == .gpt3Medium ? 60_000 : 30_000
        case (.spot, _), (.frequency, .varunaWithoutOverhead): Self.stepLimits.spot
        case (.frequency, _): Self.stepLimits.frequency
        }
    }

    private mutating func run(_ trace: PreemptionTrace) throws -> PaperResult {
        for event in trace.events {
            heap.push(
                PaperEventHeap.Event(
                    time: event.milliseconds,
                    kind: event.change == .add ? .add : .remove,
                    node: event.node
                )
            )
        }
        heap.rebuild()
        // The published runs end at the time of the array's last element.
        let end = heap.events.last?.time ?? 0
        while let event = heap.pop(), event.time < end {
            record.advance(to: event.time, status)
            handle(event)
            if record.steps == stepLimit { break }
            if event.time != heap.events.first?.time {
                record.count(nodes: nodes.count, at: event.time)
            }
        }
        record.advance(to: record.steps == stepLimit ? record.now : end, status)
        guard start != nil || record.hasEnoughNodes else {
            throw OobleckError(
                .inputData,
                "the trace never has \(counted(Self.gridStages, "node")) at once for long enough to start"
            )
        }
        return result(end: end)
    }
}
