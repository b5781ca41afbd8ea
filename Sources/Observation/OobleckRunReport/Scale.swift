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
        if high <= low { (low, high) = (min(low, high), max(low, high) + max(1e-9, abs(low) * 0.1)) }
        let rough = (high - low) / Double(max(1, count))
        let power = pow(10, floor(log10(rough)))
        step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? 10 * power
        if !includesZero { low = floor(low / step) * step }
        high = ceil(high / step - 1e-9) * step
        (self.low, self.high) = (low, high)
        let first = Int((low / step).rounded(.up))
        let last = Int((high / step + 1e-9).rounded(.down))
        let step = step
        ticks = first <= last ? (first...last).map { Double($0) * step } : []
    }

    /// A scale of exactly these ends with round numbers in between.
    init(from low: Double, to high: Double, count: Int) {
        let span = max(high - low, 1e-9)
        let rough = span / Double(max(1, count))
        let power = pow(10, floor(log10(rough)))
        let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? 10 * power
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
}

/// Fewer points that look the same.
enum Thinning {
    /// At most about `limit` points: of each of equally many neighbours, the lowest and the highest.
    static func thinned(_ points: [(x: Double, y: Double)], to limit: Int) -> [(x: Double, y: Double)] {
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
