import Foundation
import OobleckCore
import OobleckSchedule

/// Pipelines' steps as a Gantt chart: a row for each stage, a box for each pass of a microbatch.
public struct ScheduleChart: Sendable {
    /// One pipeline to draw.
    public struct Row: Sendable {
        /// What stands above it.
        public var title: String
        /// What stands left of each stage.
        public var stageNames: [String]
        /// The times of one microbatch at each stage.
        public var stages: [StageTime]
        /// Microbatches of the step.
        public var microbatches: Int
        /// The order of the passes.
        public var schedule: PipelineSchedule

        /// A pipeline with a name and times for each stage.
        public init(
            title: String,
            stageNames: [String],
            stages: [StageTime],
            microbatches: Int,
            schedule: PipelineSchedule = .oneForwardOneBackward
        ) {
            precondition(stageNames.count == stages.count, "one name for each stage")
            self.title = title
            self.stageNames = stageNames
            self.stages = stages
            self.microbatches = microbatches
            self.schedule = schedule
        }
    }

    /// Most pipelines that are drawn.
    public static let mostPipelines = 6
    /// Most passes that are drawn of one stage; what comes later is cut off.
    public static let mostPasses = 400

    private static let width = 1200.0
    private static let left = 190.0
    private static let right = 30.0
    private static let rowHeight = 22.0
    private static let (forward, backward, idle) = ("#1f4e8c", "#f4b266", "#ececec")

    private let title: String
    private let rows: [Row]

    /// A chart with a title over pipelines, of which the first ``mostPipelines`` are drawn.
    public init(title: String, rows: [Row]) {
        self.title = title
        self.rows = rows
    }

    /// The chart as SVG.
    public var svg: String {
        let drawn = rows.prefix(Self.mostPipelines).map { row in
            (
                row,
                ScheduleTimeline(row.schedule, stages: row.stages, microbatches: row.microbatches)
            )
        }
        let end = Self.end(drawn.map { $0 })
        var svg = SVG()
        svg.text(title, x: 20, y: 28, size: 18, isBold: true)
        legend(&svg)
        var y = 78.0
        for (row, timeline) in drawn { draw(row, timeline, until: end, &svg, &y) }
        axis(until: end, &svg, &y)
        let makespan = drawn.map(\.1.makespan.value).max() ?? 0
        var notes: [String] = []
        if makespan > end { notes.append("cut off: the slowest pipeline goes on") }
        if rows.count > drawn.count {
            notes.append("\(rows.count - drawn.count) other kinds of pipelines not drawn")
        }
        if !notes.isEmpty {
            svg.text(notes.joined(separator: "; "), x: Self.left, y: y, fill: "#555")
            y += 20
        }
        return svg.document(width: Self.width, height: y + 10)
    }

    /// Writes the chart to a file, whole or not at all.
    ///
    /// Throws ``OobleckError/Code/storage`` if it cannot be written.
    public func write(to path: String) throws {
        do {
            try Data(svg.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw OobleckError(
                .storage,
                "cannot write the chart \(path); name a file in a folder that can be written to"
            )
        }
    }

    /// Where the chart ends: with the slowest pipeline, or where some stage has had enough passes.
    private static func end(_ drawn: [(Row, ScheduleTimeline)]) -> Double {
        let makespan = drawn.map(\.1.makespan.value).max() ?? 0
        let cuts = drawn.flatMap { $0.1.ends }.filter { $0.count > mostPasses }
            .map { $0[mostPasses - 1].value }
        return min(makespan, cuts.min() ?? makespan)
    }

    private func legend(_ svg: inout SVG) {
        var x = 20.0
        for (name, colour) in [
            ("forward pass", Self.forward), ("backward pass", Self.backward), ("idle", Self.idle),
        ] {
            svg.rectangle(x: x, y: 42, width: 14, height: 14, fill: colour)
            svg.text(name, x: x + 20, y: 54)
            x += 130
        }
        svg.text("numbers are microbatches", x: x, y: 54, fill: "#555")
    }

    private func draw(
        _ row: Row,
        _ timeline: ScheduleTimeline,
        until end: Double,
        _ svg: inout SVG,
        _ y: inout Double
    ) {
        let share = Int((timeline.bubbleShare * 100).rounded())
        svg.text("\(row.title), idle \(share) %", x: 20, y: y + 14, size: 13, isBold: true)
        y += 22
        let scale = end > 0 ? (Self.width - Self.left - Self.right) / end : 0
        for stage in row.stages.indices {
            svg.text(row.stageNames[stage], x: Self.left - 8, y: y + 15, anchor: .end)
            let busy = min(timeline.makespan.value, end) * scale
            svg.rectangle(
                x: Self.left,
                y: y,
                width: busy,
                height: Self.rowHeight - 3,
                fill: Self.idle
            )
            let instructions = row.schedule.instructions(
                stage: stage,
                stageCount: row.stages.count,
                microbatches: row.microbatches
            )
            for (instruction, time) in zip(instructions, timeline.ends[stage])
            where time.value <= end { box(instruction, time, row.stages[stage], scale, y, &svg) }
            y += Self.rowHeight
        }
        y += 8
    }

    private func box(
        _ instruction: Instruction,
        _ end: Seconds,
        _ stage: StageTime,
        _ scale: Double,
        _ y: Double,
        _ svg: inout SVG
    ) {
        let (duration, fill, ink, number) =
            switch instruction {
            case .forward(let microbatch): (stage.forward, Self.forward, "#ffffff", microbatch)
            case .backward(let microbatch): (stage.backward, Self.backward, "#111111", microbatch)
            }
        let width = duration.value * scale
        let x = Self.left + (end.value - duration.value) * scale
        // A hair between boxes, where there is room for one.
        let gap = width > 3 ? 0.6 : 0
        svg.rectangle(
            x: x,
            y: y,
            width: width - gap,
            height: Self.rowHeight - 3,
            fill: fill,
            title: "\(instruction)"
        )
        if width >= Double("\(number)".count) * 7 + 4 {
            svg.text(
                "\(number)",
                x: x + width / 2,
                y: y + 14,
                size: 11,
                anchor: .middle,
                fill: ink
            )
        }
    }

    private func axis(until end: Double, _ svg: inout SVG, _ y: inout Double) {
        let axis = TimeAxis(end: end)
        let scale = end > 0 ? (Self.width - Self.left - Self.right) / end : 0
        svg.line((Self.left, y), (Self.width - Self.right, y))
        for tick in axis.ticks {
            let x = Self.left + tick * scale
            svg.line((x, y), (x, y + 5))
            svg.text(axis.label(tick), x: x, y: y + 19, anchor: .middle)
        }
        svg.text("time (\(axis.unit))", x: Self.left - 8, y: y + 19, anchor: .end)
        y += 44
    }
}
