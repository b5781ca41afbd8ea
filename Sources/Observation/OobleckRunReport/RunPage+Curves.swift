import Foundation
import OobleckCore
import OobleckRunFiles

/// Loss, speed and nodes over the run.
extension RunPage {
    /// Losses, joins and returns to a checkpoint, by the steps that were committed then.
    private var marks: [CurvePicture.Mark] {
        story.events.compactMap { timed in
            let x = Double(timed.event.step)
            let title = "step \(timed.event.step): \(timed.event.message)"
            switch timed.event.content {
            case .nodeLost:
                return .init(x: x, symbol: "\u{2715}", colour: "var(--bad)", title: title)
            case .nodeJoined where timed.event.step > 0:
                return .init(x: x, symbol: "\u{25B2}", colour: "var(--good)", title: title)
            case .restored:
                return .init(x: x, symbol: "\u{21B6}", colour: "var(--bad)", title: title)
            default: return nil
            }
        }
    }

    var lossSection: Section? {
        let losses = story.steps.filter { $0.loss.isFinite }
            .map { (x: Double($0.step + 1), y: $0.loss) }
        guard losses.count > 1 else { return nil }
        let validation = story.evaluations.filter { $0.loss.isFinite }
            .map { (x: Double($0.step), y: $0.loss) }
        var curves = [
            CurvePicture.Curve(name: "training", points: losses, colour: "var(--c0)")
        ]
        if !validation.isEmpty {
            curves.append(
                .init(
                    name: "validation",
                    points: validation,
                    colour: "var(--c1)",
                    dash: "6 4",
                    hasMarks: true
                )
            )
        }
        let picture = CurvePicture(
            label: "Loss by step: from \(ReportText.number(losses[0].y)) to "
                + ReportText.number(losses[losses.count - 1].y),
            horizontalLabel: "committed steps",
            verticalLabel: "loss",
            curves: curves,
            marks: marks,
            range: 0...Double(max(story.steps.count, 1)),
            vertical: Scale((losses + validation).map(\.y))
        )
        let skipped = story.verification.skippedSteps
        let note = skipped > 0 ? "<p>All nodes skipped \(counted(skipped, "step")).</p>" : ""
        return Section(
            id: "loss",
            title: "Loss",
            body: Self.picture(picture.svg) + legend + note
        )
    }

    private var legend: String {
        let kinds: [(String, String, String)] = [
            ("bad", "\u{2715}", "a node is lost"), ("good", "\u{25B2}", "a node joins"),
            ("bad", "\u{21B6}", "back to a checkpoint"),
        ]
        let present = Set(marks.map(\.symbol))
        let items = kinds.filter { present.contains($0.1) }
            .map { "<span><b class=\"\($0.0)\">\($0.1)</b> \($0.2)</span>" }
        return items.isEmpty ? "" : "<p class=\"legend\">\(items.joined(separator: " "))</p>"
    }

    var timelineSection: Section? {
        guard !lanes.isEmpty else { return nil }
        let generations = story.events.filter {
            [.resumed, .recovered].contains($0.event.kind)
        }
        .map { (number: $0.event.generation, time: $0.time.value) }
        let picture = LanePicture(lanes: lanes, clock: clock, generations: generations)
        return Section(
            id: "nodes",
            title: "Nodes and speed over time",
            body: speedPicture + Self.picture(picture.svg) + laneLegend
        )
    }

    private var laneLegend: String {
        let used = Set(
            lanes.flatMap(\.spans).compactMap { span -> Int? in
                if case .training(let pipeline?, _, _) = span.activity { pipeline } else { nil }
            }
        )
        var items = used.sorted().prefix(LanePicture.colours).map {
            "<span><i class=\"swatch p\($0)\">\(PipelineName.of($0))</i> pipeline \(PipelineName.of($0))</span>"
        }
        if used.count > LanePicture.colours { items.append("<span>and so on</span>") }
        items.append("<span><i class=\"swatch hatch\"></i> recovering</span>")
        items.append("<span><i class=\"swatch empty\"></i> no work</span>")
        items.append("<span><b class=\"bad\">\u{2715}</b> lost</span>")
        items.append("<span><b>\u{25BC}</b> left or removed</span>")
        if !clock.breaks.isEmpty {
            items.append("<span>thick dashes: the run was stopped, or its coordinator was</span>")
        }
        return "<p class=\"legend\">\(items.joined(separator: " "))</p>"
    }

    /// Samples or tokens of committed steps by the time in which they were computed.
    private var speedPicture: String {
        let isText = story.job.model.sequenceLength != nil
        let steps = story.metrics.compactMap {
            line -> (end: Double, took: Double, count: Double)? in
            guard let took = line.stepTime?.value, took > 0,
                let rate = isText ? line.tokensPerSecond : line.samplesPerSecond
            else { return nil }
            return (clock.elapsed(line.time.value), took, rate * took)
        }
        guard steps.count > 2, clock.total > 0 else { return "" }
        let count = min(120, max(20, steps.count / 2))
        let width = clock.total / Double(count)
        var bins = [Double](repeating: 0, count: count)
        for step in steps {
            let start = max(0, step.end - step.took)
            let first = min(count - 1, Int(start / width))
            for bin in first...max(first, min(count - 1, Int(step.end / width))) {
                let (low, high) = (Double(bin) * width, Double(bin + 1) * width)
                let part = max(0, min(high, step.end) - max(low, start))
                bins[bin] += step.took > 0 ? step.count * part / step.took : 0
            }
        }
        let points = bins.enumerated().flatMap { bin, sum in
            let (low, rate) = (Double(bin) * width, sum / width)
            return [(x: low, y: rate), (x: low + width, y: rate)]
        }
        let unit = isText ? "tokens a second" : "samples a second"
        let picture = CurvePicture(
            label: "\(unit) over the time of the run",
            horizontalLabel: "time since the start",
            verticalLabel:
                "\(unit), of steps that count, in stretches of \(ReportText.seconds(width))",
            curves: [.init(name: unit, points: points, colour: "var(--c0)")],
            range: 0...clock.total,
            isTime: true,
            vertical: Scale(points.map(\.y), count: 4, includesZero: true),
            height: 190
        )
        return Self.picture(picture.svg)
    }
}
