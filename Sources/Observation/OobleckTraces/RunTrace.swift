import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckSchedule

/// What the workers of a run did in its last steps, beside what the run did and what was planned.
package struct RunTrace {
    /// Groups of rows.
    private enum Group {
        static let run = 1
        static let workers = 2
        static let planned = 3
    }

    /// Records of each worker, in the order of its attempts.
    private let records: [WorkerID: [TraceRecord]]
    private let events: [TimedEvent]
    private let plan: PlanDocument?
    /// What is shown; the first moment is the origin of all times.
    private let range: (start: Seconds, end: Seconds)

    /// Reads the trace files in a run's logs and its events, of the committed steps `steps`, counted from
    /// one; of all that is there without them.
    ///
    /// Throws `.inputData` with one line when no trace has such a step.
    package init(reading directory: RunDirectory, steps: ClosedRange<Int>?) throws {
        var records: [WorkerID: [TraceRecord]] = [:]
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.logsPath)
        for name in names.sorted() where name.hasPrefix("node-") && name.hasSuffix(".trace") {
            // `node-3.trace`, and `node-3-1.trace` of its second device.
            let number = name.dropFirst(5).dropLast(6).replacing("-", with: "/")
            guard let worker = WorkerID(String(number)) else { continue }
            records[worker] = try Self.lines("\(directory.logsPath)/\(name)") { line in
                try JSONDecoder().decode(TraceRecord.self, from: line)
            }
        }
        let events = try Self.lines(directory.eventsPath) { line in
            try TimedEvent.parsing(String(decoding: line, as: UTF8.self))
        }
        let hasPlan = FileManager.default.fileExists(atPath: directory.planPath)
        try self.init(
            records: records,
            events: events,
            plan: hasPlan ? try directory.plan() : nil,
            steps: steps
        )
    }

    init(
        records: [WorkerID: [TraceRecord]],
        events: [TimedEvent],
        plan: PlanDocument?,
        steps: ClosedRange<Int>?
    ) throws {
        let chosen = records.mapValues { records in
            records.filter { steps?.contains($0.step + 1) ?? true }
        }
        .filter { !$0.value.isEmpty }
        let spans = chosen.values.joined().flatMap(\.spans)
        guard let start = spans.map(\.start).min() else {
            let kept = records.values.joined().map { $0.step + 1 }
            let what =
                kept.isEmpty
                ? "no worker left a trace of its last steps in the run's logs"
                : "the workers' traces have steps \(kept.min() ?? 0) to \(kept.max() ?? 0)"
            throw OobleckError(
                .inputData,
                steps.map { "no trace of steps \($0.lowerBound)..\($0.upperBound): \(what)" }
                    ?? what
            )
        }
        self.records = chosen
        self.events = events
        self.plan = plan
        range = (start, spans.map { $0.start + $0.duration }.max() ?? start)
    }

    /// What can be read of a file; a line that is still being written cannot.
    private static func lines<Line>(
        _ path: String,
        _ parse: (Data) throws -> Line
    ) throws -> [Line] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        let bytes = try OpenFile(path, for: .readBack).rest(from: 0)
        return bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
            do { return try parse(Data(line)) } catch { return nil }
        }
    }

    /// Steps that are shown, counted from one.
    package var steps: ClosedRange<Int>? {
        let steps = records.values.joined().map { $0.step + 1 }
        guard let first = steps.min(), let last = steps.max() else { return nil }
        return first...last
    }

    /// The trace as JSON, which Perfetto and Chrome's `about:tracing` open.
    package var json: String {
        let all = runRows + workerRows + flows + plannedRows
        return "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
            + all.map(\.text).joined(separator: ",\n") + "\n]}\n"
    }

    private func time(_ absolute: Seconds) -> Seconds { absolute - range.start }

    private func isShown(_ start: Seconds, _ end: Seconds) -> Bool {
        end >= range.start && start <= range.end
    }

    // MARK: Workers

    /// One row for each device of each node.
    private func row(of worker: WorkerID) -> Int {
        worker.node.rawValue * (plan?.devicesPerNode ?? 1) + worker.device
    }

    private var workerRows: [TraceEvent] {
        var rows = [TraceEvent.name("workers", group: Group.workers)]
        for (worker, records) in records.sorted(by: { $0.key < $1.key }) {
            let place = (group: Group.workers, row: row(of: worker))
            rows.append(.name("node \(worker)", group: place.group, row: place.row))
            for record in records {
                let arguments = [
                    ("step", "\(record.step + 1)"), ("generation", "\(record.generation)"),
                    ("pipeline", "\(record.pipeline)"), ("stage", "\(record.stage)"),
                ]
                for span in record.spans {
                    rows.append(
                        .slice(
                            Self.name(span),
                            place,
                            start: time(span.start),
                            duration: span.duration,
                            arguments
                        )
                    )
                }
            }
        }
        return rows
    }

    private static func name(_ span: TraceSpan) -> String {
        let number = span.microbatch.map { " \($0)" } ?? ""
        return switch span.kind {
        case .forward: "forward\(number)"
        case .backward: "backward\(number)"
        case .receive: "wait for input\(number)"
        case .send: "wait for output\(number)"
        case .sums: "wait for sums"
        case .vote: "vote"
        case .update: "update"
        case .checkpoint: "copy for a checkpoint"
        }
    }

    /// An arrow for each activation and each gradient, from the pass that made it to the one that took it.
    private var flows: [TraceEvent] {
        /// A pass of a microbatch over all stages of a pipeline.
        struct Way: Hashable {
            var generation: Generation
            var step: Int
            var microbatch: Int
            var isForward: Bool
        }
        var passes: [Way: [(stage: Int, worker: WorkerID, span: TraceSpan)]] = [:]
        for (worker, records) in records {
            for record in records {
                for span in record.spans where [.forward, .backward].contains(span.kind) {
                    let way = Way(
                        generation: record.generation,
                        step: record.step,
                        microbatch: span.microbatch ?? 0,
                        isForward: span.kind == .forward
                    )
                    passes[way, default: []].append((record.stage, worker, span))
                }
            }
        }
        let ordered = passes.sorted {
            ($0.key.step, $0.key.microbatch, $0.key.isForward ? 0 : 1)
                < ($1.key.step, $1.key.microbatch, $1.key.isForward ? 0 : 1)
        }
        var events: [TraceEvent] = []
        var id = 0
        for (way, stages) in ordered {
            let inOrder = stages.sorted {
                way.isForward ? $0.stage < $1.stage : $0.stage > $1.stage
            }
            for (from, to) in zip(inOrder, inOrder.dropFirst())
            where abs(from.stage - to.stage) == 1 {
                id += 1
                let name = way.isForward ? "activations" : "gradients"
                let end = time(from.span.start + from.span.duration) - 1e-6
                let places = (
                    (group: Group.workers, row: row(of: from.worker)),
                    (group: Group.workers, row: row(of: to.worker))
                )
                events.append(.flow(id, name, isStart: true, places.0, at: end))
                let start = time(to.span.start) + 1e-6
                events.append(.flow(id, name, isStart: false, places.1, at: max(start, end)))
            }
        }
        return events
    }

    // MARK: The run

    private var runRows: [TraceEvent] {
        var rows = [
            TraceEvent.name("run", group: Group.run),
            .name("steps", group: Group.run, row: 1),
            .name("recoveries", group: Group.run, row: 2),
            .name("checkpoints", group: Group.run, row: 3),
            .name("events", group: Group.run, row: 4),
        ]
        var previous: Seconds?
        for timed in events {
            let now = timed.monotonic
            switch timed.event.content {
            case .committed(let step, _, _):
                if let previous, isShown(previous, now) {
                    rows.append(
                        .slice(
                            "step \(step + 1)",
                            (Group.run, 1),
                            start: time(previous),
                            duration: now - previous
                        )
                    )
                }
                previous = now
            case .resumed, .evaluated: previous = now
            case .recovered(let record):
                previous = now
                if isShown(now - record.total, now) { rows += phases(record, end: now) }
            case .checkpointSaved(let saved) where isShown(now - saved.written, now):
                rows.append(
                    .slice(
                        "checkpoint of step \(saved.step), \(saved.bytes)",
                        (Group.run, 3),
                        start: time(now - saved.written),
                        duration: saved.written
                    )
                )
            case .nodeLost, .nodeJoined, .nodeDrained, .setAside, .planned, .suspicion, .warning:
                if isShown(now, now) {
                    let kind = timed.event.kind.rawValue
                    let node = timed.event.node.map { " \($0)" } ?? ""
                    let message = [("message", timed.event.message)]
                    rows.append(.moment(kind + node, (Group.run, 4), at: time(now), message))
                }
            default: break
            }
        }
        return rows
    }

    /// A recovery, and below it what it consisted of; what is left is the abort and the start of the step.
    private func phases(_ record: RecoveryRecord, end: Seconds) -> [TraceEvent] {
        let place = (group: Group.run, row: 2)
        let nodes = record.lostNodes.map(\.description).joined(separator: ", ")
        var start = time(end - record.total)
        var rows = [
            TraceEvent.slice(
                "recovery: lost \(nodes)",
                place,
                start: start,
                duration: record.total,
                [("reason", record.reason), ("copied", "\(record.transferBytes)")]
            )
        ]
        let phases: [(String, Seconds)] = [
            ("detect", record.detect), ("decide", record.decide), ("rebuild", record.rebuild),
            ("copy", record.transfer),
        ]
        for (name, duration) in phases where duration > .zero {
            rows.append(.slice(name, place, start: start, duration: duration))
            start = start + duration
        }
        let rest = time(end) - start
        if rest > .zero { rows.append(.slice("resume", place, start: start, duration: rest)) }
        return rows
    }

    // MARK: The plan

    /// One step of the newest plan as it was predicted, from the start of the last step that is shown.
    private var plannedRows: [TraceEvent] {
        guard let plan else { return [] }
        let newest = records.values.joined().filter { $0.generation == plan.plan.generation }
        guard let last = newest.map(\.step).max(),
            let start = newest.filter({ $0.step == last }).compactMap({ $0.spans.first?.start })
                .min()
        else { return [] }
        var rows = [TraceEvent.name("planned: step \(last + 1)", group: Group.planned)]
        var first = 0
        for pipeline in plan.plan.pipelines {
            defer { first += pipeline.microbatches }
            guard let template = plan.template(nodes: pipeline.templateNodes) else { continue }
            let stages = template.stages.map { StageTime($0) }
            let timeline = ScheduleTimeline(
                pipeline.schedule,
                stages: stages,
                microbatches: pipeline.microbatches
            )
            for (stage, ends) in timeline.ends.enumerated() {
                let place = template.stages[stage].node
                guard pipeline.nodes.indices.contains(place) else { continue }
                let device = template.device(ofStage: stage)
                let worker = WorkerID(pipeline.nodes[place], device: device)
                let row = row(of: worker)
                rows.append(.name("node \(worker)", group: Group.planned, row: row))
                let instructions = pipeline.schedule.instructions(
                    stage: stage,
                    stageCount: stages.count,
                    microbatches: pipeline.microbatches
                )
                for (instruction, end) in zip(instructions, ends) {
                    let (name, duration) =
                        switch instruction {
                        case .forward(let index):
                            ("forward \(first + index)", stages[stage].forward)
                        case .backward(let index):
                            ("backward \(first + index)", stages[stage].backward)
                        }
                    rows.append(
                        .slice(
                            name,
                            (Group.planned, row),
                            start: time(start) + end - duration,
                            duration: duration
                        )
                    )
                }
            }
        }
        return rows
    }
}
