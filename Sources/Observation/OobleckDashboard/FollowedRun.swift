import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckRunReport

/// A run as its directory tells it, followed while it is being written.
///
/// Reads only; the run does not know of it.
struct FollowedRun {
    let directory: RunDirectory
    private(set) var model = RunModel()
    private(set) var status: RunStatus?
    private(set) var plan: PlanDocument?
    private(set) var isRunning = false
    private(set) var state = RunSummary.State.unstarted
    private var layerNames: [String] = []
    private let job: JobSpecification
    private var events: LineFollower
    private var metrics: LineFollower
    private var marks: [String: FileMark] = [:]

    /// Begins to follow the run in `directory`.
    ///
    /// Throws one line when its job cannot be read.
    init(_ directory: RunDirectory) throws {
        self.directory = directory
        job = try directory.job()
        events = LineFollower(directory.eventsPath)
        metrics = LineFollower(directory.metricsPath)
    }

    /// Takes in what was written since the last call, and returns whether that changes anything.
    mutating func update() throws -> Bool {
        let before = (isRunning, state, model.revision)
        isRunning = directory.isRunning
        var hasMore = true
        while hasMore {
            let new = try events.read()
            // Another run's: from the beginning.
            if new.isNew {
                model = RunModel()
                metrics = LineFollower(directory.metricsPath)
            }
            hasMore = new.hasMore
            for line in new.lines {
                // What cannot be read is left out, as in the report.
                do { model.note(try TimedEvent.parsing(line)) } catch { continue }
            }
        }
        hasMore = true
        while hasMore {
            let new = try metrics.read()
            hasMore = new.hasMore
            for line in new.lines {
                do {
                    model.note(try JSONDecoder().decode(MetricsLine.self, from: Data(line.utf8)))
                } catch { continue }
            }
        }
        return try updateDocuments() || before != (isRunning, state, model.revision)
    }

    private mutating func updateDocuments() throws -> Bool {
        var isNew = false
        if hasChanged(directory.statusPath) {
            status = try directory.status()
            isNew = true
        }
        if hasChanged(directory.planPath) {
            plan = try directory.plan()
            isNew = true
        }
        if layerNames.isEmpty, hasChanged(directory.profilePath) {
            layerNames = try directory.profile().layers.map(\.name)
        }
        if isRunning {
            state = .running
        } else if hasChanged(directory.resultPath) || state == .running || state == .unstarted {
            state = directory.isFinished ? .finished : status != nil ? .stopped : .unstarted
        }
        return isNew
    }

    /// Whether the file is there and is another than at the last call.
    private mutating func hasChanged(_ path: String) -> Bool {
        let mark = FileMark(path)
        defer { marks[path] = mark }
        return mark != nil && mark != marks[path]
    }

    /// All parts of the page by their names, at a time in seconds since 1970.
    func sections(now: Double) -> [(name: String, value: any Encodable)] {
        let until = isRunning ? now : nil
        let clock = StoryClock(model.skeleton, until: until)
        var sections: [(name: String, value: any Encodable)] = [
            ("run", head(clock)), ("loss", model.loss),
            ("speed", model.speed(clock, unit: unit)),
            ("lanes", model.lanes(clock, until: until)),
            ("recoveries", model.recoverySection(clock)),
            ("nodes", nodes),
        ]
        if let plan { sections.append(("plan", PlanSection(plan, layerNames))) }
        return sections
    }

    private var unit: String { job.model.sequenceLength == nil ? "samples" : "tokens" }

    private func head(_ clock: StoryClock) -> RunHead {
        let newest = model.newest
        let step = status?.step ?? model.losses.last?.step ?? 0
        let steps = status?.steps ?? job.training.steps
        let times = model.recoveries.map(\.record.total.value)
        let alive = status?.nodes.count { $0.state.isAlive } ?? 0
        let use = model.use
        return RunHead(
            name: URL(fileURLWithPath: directory.path).lastPathComponent,
            state: state,
            phase: isRunning ? status?.phase.rawValue : nil,
            model: job.model.name,
            step: step,
            steps: steps,
            generation: status?.generation.rawValue,
            loss: model.losses.last?.loss ?? status?.loss,
            firstLoss: model.losses.first?.loss,
            validationLoss: model.evaluations.last?.loss ?? status?.validationLoss,
            validationStep: model.evaluations.last?.step ?? status?.validationStep,
            learningRate: newest?.learningRate,
            rate: newest?.tokensPerSecond ?? newest?.samplesPerSecond,
            unit: unit,
            idleShare: newest?.idleShare,
            utilization: newest?.utilization,
            alive: isRunning ? alive : 0,
            pipelines: status?.pipelines,
            lost: model.lostCount,
            joined: model.joinedCount,
            recoveryMedian: ReportText.median(times),
            recoveryWorst: times.max(),
            elapsed: clock.total.rounded(),
            left: isRunning ? model.timeLeft(of: steps).map { $0.rounded() } : nil,
            usefulShare: use.total > 0
                ? Rounded.digits((use.seconds[.training] ?? 0) / use.total) : nil,
            checkpointStep: status?.checkpointStep,
            note: note,
            events: model.toldDropped + model.told.count,
            mayAct: isRunning && FileManager.default.fileExists(atPath: directory.endpointPath)
        )
    }

    /// Trouble, or why the run is over and how to resume it.
    private var note: String? {
        if isRunning { return status?.storageTrouble }
        guard state == .stopped else { return nil }
        let reason = status?.reason.map { "\($0); " } ?? "the run has no coordinator; "
        return reason + "go on with: \(directory.resumeCommand)"
    }

    private var nodes: NodeSection {
        NodeSection(
            nodes: (status?.nodes ?? []).prefix(RunModel.mostLanes).map { node in
                .init(
                    id: node.id.rawValue,
                    name: node.name,
                    state: node.state.rawValue,
                    isAlive: isRunning && node.state.isAlive,
                    pipeline: node.pipeline.map(PipelineName.of),
                    stages: node.stages,
                    agent: node.agentPID,
                    worker: node.workerPIDs.first,
                    slowness: node.slowness
                )
            }
        )
    }
}

extension PlanSection {
    /// The plan for people; layers have these names.
    init(_ plan: PlanDocument, _ layerNames: [String]) {
        generation = plan.plan.generation.rawValue
        reason = plan.reason
        stepSeconds = Rounded.digits(plan.plan.stepTime.value)
        let count = plan.guarantee.faultTolerance
        guarantee =
            "any \(counted(count, "node")) at once can be lost while at least "
            + "\(plan.guarantee.minimumNodes) are left"
        idle = plan.idleNodes.map(\.rawValue)
        pipelines = plan.plan.pipelines.enumerated().map { index, pipeline in
            let template = plan.template(nodes: pipeline.templateNodes)
            return Row(
                name: PipelineName.of(index),
                microbatches: pipeline.microbatches,
                places: pipeline.nodes.enumerated().map { place, node in
                    let layers = template?.layers(ofNode: place) ?? []
                    let names = layers.compactMap {
                        layerNames.indices.contains($0) ? layerNames[$0] : nil
                    }
                    return Place(
                        node: node.rawValue,
                        layers: Self.range(layers),
                        weight: max(1, layers.count),
                        names: names.count > 4
                            ? "\(names[0]) to \(names[names.count - 1])"
                            : names.joined(separator: ", ")
                    )
                }
            )
        }
    }

    private static func range(_ layers: [Int]) -> String {
        guard let first = layers.first, let last = layers.last else { return "" }
        return first == last ? "layer \(first)" : "layers \(first)-\(last)"
    }
}

extension RunModel {
    /// Steps whose time tells how long the rest will take, recoveries between them included.
    private static let paceSteps = 100

    /// The time until step `steps` at the pace of the last ones; `nil` before three.
    func timeLeft(of steps: Int) -> Double? {
        let last = measured.suffix(Self.paceSteps)
        guard last.count > 2, let first = last.first, let newest = last.last,
            newest.step > first.step
        else { return nil }
        let time = newest.end - first.end
        return time / Double(newest.step - first.step) * Double(max(0, steps - newest.step))
    }
}
