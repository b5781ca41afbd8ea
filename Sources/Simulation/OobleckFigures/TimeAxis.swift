import Foundation

/// Round values along an axis of time, with their unit.
struct TimeAxis {
    /// As `ms`.
    let unit: String
    /// In seconds, ascending from zero.
    let ticks: [Double]

    private let scale: Double
    private let decimals: Int

    /// An axis of at most about `count` ticks from zero to `end` seconds.
    init(end: Double, count: Int = 8) {
        let end = end > 0 && end.isFinite ? end : 1
        (unit, scale) = end >= 2 ? ("s", 1) : end >= 2e-3 ? ("ms", 1e3) : ("us", 1e6)
        let rough = end * scale / Double(max(1, count))
        let power = pow(10, floor(log10(rough)))
        let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? 10 * power
        decimals = max(0, -Int(floor(log10(step))))
        let last = Int((end * scale / step + 1e-9).rounded(.down))
        let scale = scale
        ticks = (0...last).map { Double($0) * step / scale }
    }

    /// The number at a tick.
    func label(_ tick: Double) -> String {
        String(format: "%.\(decimals)f", tick * scale)
    }
}
