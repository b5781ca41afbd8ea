import Foundation

/// Where values stand along an axis of a picture, and which of them are named.
struct Scale {
    let low: Double
    let high: Double
    /// Values that are named.
    let ticks: [Double]
    private let step: Double

    /// A scale over `values`, with about `count` round numbers on it.
    ///
    /// Starts at zero if it `includesZero`.
    init(_ values: some Sequence<Double>, count: Int = 5, includesZero: Bool = false) {
        let finite = values.filter(\.isFinite)
        var low = includesZero ? 0 : finite.min() ?? 0
        var high = finite.max() ?? 1
        if high <= low {
            (low, high) = (min(low, high), max(low, high) + max(1e-9, abs(low) * 0.1))
        }
        step = Self.roundStep((high - low) / Double(max(1, count)))
        if !includesZero { low = floor(low / step) * step }
        high = ceil(high / step - 1e-9) * step
        (self.low, self.high) = (low, high)
        let first = Int((low / step).rounded(.up))
        let last = Int((high / step + 1e-9).rounded(.down))
        let step = step
        ticks = first <= last ? (first...last).map { Double($0) * step } : []
    }

    /// A scale of exactly these ends with about `count` round numbers in between.
    init(from low: Double, to high: Double, count: Int) {
        let span = max(high - low, 1e-9)
        self.init(from: low, span: span, step: Self.roundStep(span / Double(max(1, count))))
    }

    /// The first of 1, 2, 5 and 10 times a power of ten that is about `rough` or more.
    private static func roundStep(_ rough: Double) -> Double {
        let power = pow(10, floor(log10(rough)))
        return [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? 10 * power
    }

    /// A scale of times from 0 to `seconds`, with at most `count` round ones in between.
    init(time seconds: Double, count: Int) {
        let span = max(seconds, 1e-3)
        let minutes = [1.0, 2, 5, 10, 15, 30].map { 60 * $0 }
        let hours = [1.0, 2, 3, 6, 12, 24, 48, 120, 240, 480, 960].map { 3600 * $0 }
        let steps = [0.001, 0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30] + minutes + hours
        let step = steps.first { span / $0 <= Double(count) } ?? span
        self.init(from: 0, span: span, step: step)
    }

    private init(from low: Double, span: Double, step: Double) {
        (self.low, self.high, self.step) = (low, low + span, step)
        let first = Int((low / step).rounded(.up))
        let last = Int(((low + span) / step + 1e-9).rounded(.down))
        ticks = first <= last ? (first...last).map { Double($0) * step } : []
    }

    /// From 0 at the low end to 1 at the high one.
    func position(_ value: Double) -> Double {
        high > low ? min(1, max(0, (value - low) / (high - low))) : 0
    }

    /// A tick's name, with as many decimals as tell it from its neighbours.
    func name(_ tick: Double) -> String {
        for (unit, size) in [("G", 1e9), ("M", 1e6), ("k", 1e3)] where high >= 10 * size {
            let decimals = max(0, -Int(floor(log10(step / size) + 1e-9)))
            return String(format: "%.\(decimals)f", tick / size) + (tick == 0 ? "" : unit)
        }
        let decimals = max(0, -Int(floor(log10(step) + 1e-9)))
        return String(format: "%.\(decimals)f", tick == 0 ? 0 : tick)
    }

    /// The name of a tick that is a time.
    func timeName(_ tick: Double) -> String {
        if tick == 0 { return "0" }
        let unit = high >= 36_000 ? ("h", 3600.0) : high >= 600 ? ("min", 60) : ("s", 1)
        let decimals = max(0, -Int(floor(log10(step / unit.1) + 1e-9)))
        return String(format: "%.\(decimals)f \(unit.0)", tick / unit.1)
    }
}

/// Fewer points that look the same.
package enum Thinning {
    /// At most about `limit` points: of each of equally many neighbours, the lowest and the highest.
    package static func thinned(
        _ points: [(x: Double, y: Double)],
        to limit: Int
    ) -> [(x: Double, y: Double)] {
        guard points.count > limit, limit > 1 else { return points }
        let size = Double(points.count) * 2 / Double(limit)
        var result: [(x: Double, y: Double)] = []
        var start = 0
        while start < points.count {
            let end = min(points.count, max(start + 1, Int(Double(start) + size)))
            let bucket = points[start..<end]
            let low = bucket.min { $0.y < $1.y } ?? points[start]
            let high = bucket.max { $0.y < $1.y } ?? points[start]
            result += low.x == high.x ? [low] : low.x < high.x ? [low, high] : [high, low]
            start = end
        }
        return result
    }
}
