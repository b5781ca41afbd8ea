import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckRunReport

/// The parts of a run's page; each is bounded, however long the run and however many its nodes.
extension RunModel {
    /// Points of a curve at most, about.
    static let mostPoints = 800
    /// Stretches of the throughput at most.
    static let mostStretches = 240
    /// Nodes with a row, and stretches of all rows together, at most.
    static let mostLanes = 400
    static let mostSpans = 12_000

    var loss: LossSection {
        LossSection(
            steps: losses.last?.step ?? 0,
            training: Self.points(losses),
            validation: Self.points(evaluations),
            marks: marks.map { .init(step: $0.step, kind: $0.kind.rawValue, text: $0.text) }
        )
    }

    private static func points(_ values: [(step: Int, loss: Double)]) -> [[Double]] {
        Thinning.thinned(values.map { (x: Double($0.step), y: $0.loss) }, to: mostPoints)
            .map { [$0.x, Rounded.digits($0.y)] }
    }

    /// Throughput by the run's time; a step counts for the time in which it was computed.
    func speed(_ clock: StoryClock, unit: String) -> SpeedSection {
        let total = clock.total
        let widths: [Double] =
            [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30]
            + [1, 2, 5, 10, 20, 30, 60, 120, 240].map { 60 * $0 }
        let width =
            widths.first { total / $0 <= Double(Self.mostStretches) }
            ?? total / Double(Self.mostStretches)
        // The stretch that has not ended would look slow.
        let count = Int(total / width)
        guard count > 0 else { return SpeedSection(unit: unit, width: width, rates: []) }
        var sums = [Double](repeating: 0, count: count)
        for step in measured {
            let end = clock.elapsed(step.end)
            let start = max(0, end - step.took)
            let bins = Int(start / width)...max(Int(start / width), Int(end / width))
            for bin in bins where bin < count {
                let (low, high) = (Double(bin) * width, Double(bin + 1) * width)
                let part = max(0, min(high, end) - max(low, start))
                sums[bin] += step.count * part / step.took
            }
        }
        return SpeedSection(
            unit: unit,
            width: width,
            rates: sums.map { Rounded.digits($0 / width) }
        )
    }

    /// What nodes did until `now`, since 1970.
    func lanes(_ clock: StoryClock, until now: Double?) -> LaneSection {
        let all = NodeLane.lanes(skeleton, until: now)
        // The rows of the nodes that left first go first.
        let shown = Set(
            all.sorted { ($0.end?.time ?? .infinity) > ($1.end?.time ?? .infinity) }
                .prefix(Self.mostLanes).map(\.node)
        )
        let grain = spanGrain(all.filter { shown.contains($0.node) }, clock)
        let lanes = all.filter { shown.contains($0.node) }.map { lane in
            LaneSection.Lane(
                node: lane.node.rawValue,
                spans: Self.spans(lane, clock, grain: grain),
                end: Self.end(lane, clock)
            )
        }
        let generations = skeleton.filter { [.resumed, .recovered].contains($0.event.kind) }
            .suffix(Self.mostMarks).map {
                LaneSection.Generation(
                    number: $0.event.generation.rawValue,
                    time: Rounded.time(clock.elapsed($0.time.value))
                )
            }
        return LaneSection(
            lanes: lanes,
            leftOut: all.count - lanes.count,
            generations: generations,
            breaks: clock.breaks.suffix(Self.mostMarks).map(Rounded.time)
        )
    }

    /// The time below which a stretch is drawn as a part of the one before; 0 while there are few.
    private func spanGrain(_ lanes: [NodeLane], _ clock: StoryClock) -> Double {
        guard lanes.reduce(0, { $0 + $1.spans.count }) > Self.mostSpans else { return 0 }
        return clock.total * Double(max(1, lanes.count)) / Double(Self.mostSpans)
    }

    private static func spans(
        _ lane: NodeLane,
        _ clock: StoryClock,
        grain: Double
    ) -> [[Double]] {
        var result: [[Double]] = []
        for (index, span) in lane.spans.enumerated() {
            let isOpen = lane.end == nil && index == lane.spans.count - 1
            let start = Rounded.time(clock.elapsed(span.start))
            let end = isOpen ? -1 : Rounded.time(clock.elapsed(span.end))
            // A short one is drawn as a part of the one before: of the others there are few.
            if !isOpen, !result.isEmpty, end - start < grain {
                result[result.count - 1][2] = end
                continue
            }
            let generation = Double(span.generation?.rawValue ?? -1)
            result.append([code(span.activity), start, end, generation])
        }
        return result
    }

    private static func code(_ activity: NodeLane.Activity) -> Double {
        switch activity {
        case .waiting: -1
        case .recovering: -2
        case .training(let pipeline, _, _): Double(pipeline ?? 0)
        }
    }

    private static func end(_ lane: NodeLane, _ clock: StoryClock) -> LaneSection.End? {
        guard let end = lane.end else { return nil }
        let time = Rounded.time(clock.elapsed(end.time))
        return switch end.how {
        case .lost(let cause): .init(time: time, how: "lost", text: "lost: \(cause)")
        case .left: .init(time: time, how: "left", text: "left, as it was asked to")
        case .done: .init(time: time, how: "done", text: "the run ended")
        }
    }

    func recoverySection(_ clock: StoryClock) -> RecoverySection {
        let shown = recoveries.suffix(50).reversed().map { time, record, given in
            let known = [record.detect, record.decide, record.rebuild, record.transfer]
                .map(\.value)
            let rest = max(0, record.total.value - known.reduce(0, +))
            return RecoverySection.Recovery(
                time: Rounded.time(clock.elapsed(time)),
                step: record.step,
                nodes: record.lostNodes.map(\.rawValue),
                total: Rounded.digits(record.total.value),
                phases: (known + [rest]).map(Rounded.digits),
                copied: record.transferBytes.description,
                given: given.map(Rounded.digits),
                reason: record.reason
            )
        }
        let use = TimeUse.Kind.allCases.compactMap { kind -> RecoverySection.Use? in
            guard let seconds = self.use.seconds[kind], seconds > 0.0005 else { return nil }
            return .init(
                kind: kind.rawValue,
                explanation: kind.explanation,
                seconds: Rounded.digits(seconds)
            )
        }
        return RecoverySection(recoveries: shown, total: recoveries.count, use: use)
    }
}

/// Numbers that are short as text.
enum Rounded {
    /// Five digits that count.
    static func digits(_ value: Double) -> Double {
        guard value.isFinite, value != 0 else { return 0 }
        let scale = pow(10, 4 - floor(log10(abs(value))))
        return (value * scale).rounded() / scale
    }

    /// Milliseconds.
    static func time(_ seconds: Double) -> Double { (seconds * 1e3).rounded() / 1e3 }
}
