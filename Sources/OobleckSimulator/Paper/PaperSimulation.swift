import OobleckCore

/// The published evaluation's simulators (artifact of the paper, `tools/simulator`), to the digit.
///
/// Times are whole milliseconds. A node is ready 45 s after it comes. When one goes, the system
/// reconfigures for a constant time and then takes a step after the other, each as long as a table
/// says for the count of nodes. There are no pipelines, no plans and no copies in it: for those see
/// ``ClusterSimulation``. What is wrong in it stays, unless ``PaperCorrections`` say otherwise.
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
                "the trace never has \(Self.gridStages) nodes at once for long enough to start"
            )
        }
        return result(end: end)
    }

    private mutating func handle(_ event: PaperEventHeap.Event) {
        switch event.kind {
        case .add:
            nodes.append(Node(name: event.node))
            heap.push(
                PaperEventHeap.Event(
                    time: event.time + Self.creationTime,
                    kind: .ready,
                    node: event.node
                )
            )
        case .remove: remove(event.node, at: event.time)
        case .ready: ready(event.node, at: event.time)
        case .globalTimeout, .localTimeout: timeout(event)
        case .stepEnd where event.version == version: endStep(at: event.time)
        case .stepEnd, .checkpointEnd: break
        }
    }

    private mutating func ready(_ name: String, at time: Int) {
        guard let index = nodes.firstIndex(where: { $0.name == name }) else { return }
        nodes[index].isReady = true
        switch status {
        case .stopped: startRendezvous(at: time, isGlobal: true)
        case .rendezvous:
            rendezvous.append(name)
            if rendezvous.count >= Self.gridStages { record.hasEnoughNodes = true }
        case .running: waiting += 1
        }
    }

    private mutating func remove(_ name: String, at time: Int) {
        guard let index = nodes.firstIndex(where: { $0.name == name }) else { return }
        let node = nodes.remove(at: index)
        record.preemptions += 1
        switch policy {
        case .oobleck:
            heap.rebuild()
            record.fallback += Double(hasStepTime ? stepTime : 0)
        case .bamboo:
            record.fallback += Double(hasStepTime ? stepTime : 0)
            guard loseBambooNode(node, at: time) else { return }
        case .varuna, .varunaWithoutOverhead: fallBack(at: time)
        }
        record.fatalFailures += 1
        startRendezvous(at: time, isGlobal: true)
    }

    mutating func startRendezvous(at time: Int, isGlobal: Bool) {
        if status == .running { record.interrupt(at: time) }
        status = .rendezvous
        rendezvous = nodes.filter(\.isReady).map(\.name)
        startTimer(at: time, isGlobal: isGlobal)
    }

    private mutating func startTimer(at time: Int, isGlobal: Bool) {
        timer += 1
        let duration: Int
        switch policy {
        case .oobleck:
            duration = restartTime
            record.rebalance += Double(duration)
        case .bamboo:
            duration = isGlobal ? BambooState.restartTime : restartTime
            if isGlobal {
                record.restart += Double(duration)
            } else {
                record.rebalance += Double(duration)
            }
        case .varuna, .varunaWithoutOverhead:
            // The constant holds a checkpoint, which is counted by itself.
            duration = restartTime - PaperTables.checkpoint(model)
            record.restart += Double(duration)
        }
        heap.push(
            PaperEventHeap.Event(
                time: time + duration,
                kind: isGlobal ? .globalTimeout : .localTimeout,
                version: timer
            )
        )
    }

    private mutating func timeout(_ event: PaperEventHeap.Event) {
        if corrections.contains(.staleTimers), event.version != timer { return }
        let names = Set(nodes.map(\.name))
        guard rendezvous.allSatisfy(names.contains) else {
            rendezvous = nodes.filter(\.isReady).map(\.name)
            startTimer(at: event.time, isGlobal: event.kind == .globalTimeout)
            return
        }
        assignPlaces()
        bamboo.interruption = nil
        bamboo.isStretched = false
        version += 1
        rendezvous = []
        guard pipelines > 0 else {
            status = .stopped
            return
        }
        status = .running
        setStepTime()
        startStep(at: event.time)
        if start == nil {
            start = event.time
            previousEnd = event.time
        }
    }

    /// The published grid: rows of twelve nodes, the rest waits.
    private mutating func assignPlaces() {
        pipelines = rendezvous.count / Self.gridStages
        var place = 0
        for name in rendezvous {
            guard let index = nodes.firstIndex(where: { $0.name == name }) else { continue }
            let isInGrid = place < pipelines * Self.gridStages
            nodes[index].places =
                isInGrid
                ? [Place(pipeline: place / Self.gridStages, stage: place % Self.gridStages)] : []
            place += 1
        }
        waiting = rendezvous.count - pipelines * Self.gridStages
    }

    private mutating func setStepTime() {
        let ready = nodes.count(where: \.isReady)
        let row = min(max(ready, 15), 30) - 15
        hasStepTime = true
        if model == .bertLarge, policy == .varuna || policy == .varunaWithoutOverhead {
            restartTime = PaperTables.bertRestart[row]
        }
        if let setup {
            stepTime = setup.stepTimes[pipelines - 1]
            return
        }
        guard let table else {
            stepTime = 0
            return
        }
        // The published stand-in for no throughput.
        let never = 1_000_000_000_000
        let samples = Double(PaperTables.samples(model))
        stepTime = table[row] > 0 ? Int(samples / table[row] * 1000) : never
    }

    mutating func startStep(at time: Int) {
        record.stepStart = time
        if policy == .bamboo {
            let redundant = 1 - BambooState.usefulShare
            record.effective += Double(stepTime) * (1 - redundant)
            record.redundant += Double(stepTime) * redundant
        } else {
            record.effective += Double(stepTime)
        }
        heap.push(
            PaperEventHeap.Event(time: time + stepTime, kind: .stepEnd, version: version)
        )
    }

    private mutating func endStep(at time: Int) {
        if policy == .bamboo, stretchBambooStep(at: time) { return }
        record.steps += 1
        record.addStep(
            from: previousEnd,
            to: time,
            samples: setup?.samples ?? PaperTables.samples(model),
            computing: stepTime
        )
        var next = time
        if policy == .varuna || policy == .varunaWithoutOverhead { next = checkpoint(at: time) }
        previousEnd = next
        if policy == .bamboo, shouldRebalanceBamboo {
            startRendezvous(at: time, isGlobal: false)
        } else if corrections.contains(.joins), waiting > 0, isWorthJoining {
            startRendezvous(at: next, isGlobal: true)
        } else {
            startStep(at: next)
        }
    }

    /// Nodes that were ready at the last reconfiguration wait for nothing: the tables know them.
    private var isWorthJoining: Bool {
        guard policy != .bamboo, let table else { return false }
        let ready = min(max(nodes.count(where: \.isReady), 15), 30) - 15
        let samples = Double(PaperTables.samples(model))
        return table[ready] > 0 && Int(samples / table[ready] * 1000) < stepTime
    }
}
