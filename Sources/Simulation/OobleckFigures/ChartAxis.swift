import Foundation

/// One axis of a chart: what it measures, in which unit, and how values lie along it.
public struct ChartAxis: Sendable {
    /// How values lie along an axis.
    public enum Scale: Sendable, Equatable {
        /// From zero, evenly.
        case linear
        /// By powers of ten; for values above zero.
        case logarithmic
        /// Named places 0, 1, ... with room around each; a name can have several lines.
        case categories([String])
    }

    /// What is measured, with its unit.
    public var label: String
    /// How values lie along it.
    public var scale: Scale

    /// The unit alone: what stands in brackets at the end of the label, or all of it.
    var unit: String {
        guard label.hasSuffix(")"), let start = label.lastIndex(of: "(") else { return label }
        return String(label[label.index(after: start)...].dropLast())
    }

    /// Values that must have room besides those of the chart, so that charts beside each other have
    /// the same axis.
    public var reach: [Double]

    /// An axis with a label.
    public init(_ label: String, _ scale: Scale = .linear, reach: [Double] = []) {
        self.label = label
        self.scale = scale
        self.reach = reach
    }

    /// The axis laid out over values.
    func layout(_ values: [Double], ticks count: Int = 6) -> Layout {
        switch scale {
        case .categories(let names):
            return Layout(
                low: -0.5,
                high: Double(names.count) - 0.5,
                isLogarithmic: false,
                ticks: names.enumerated().map { (Double($0.offset), $0.element) }
            )
        case .linear: return Self.linear(values.filter(\.isFinite).max() ?? 1, count)
        case .logarithmic: return Self.logarithmic(values.filter { $0 > 0 && $0.isFinite })
        }
    }

    /// Pixels that names of categories need below the axis where they stand upright, as they are
    /// too long to stand side by side; `nil` where they are not.
    func uprightRoom(width: Double) -> Double? {
        guard case .categories(let names) = scale, !names.isEmpty else { return nil }
        let longest = names.flatMap { $0.split(separator: "\n") }.map(\.count).max() ?? 0
        guard 6.6 * Double(longest) > width / Double(names.count) else { return nil }
        return 6.6 * Double(names.map(\.count).max() ?? 0)
    }

    private static func linear(_ most: Double, _ count: Int) -> Layout {
        let end = most > 0 ? most * 1.04 : 1
        let rough = end / Double(max(1, count))
        let power = pow(10, floor(log10(rough)))
        let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? 10 * power
        let decimals = max(0, -Int(floor(log10(step))))
        let ticks = (0...Int(end / step + 1e-9)).map { index in
            let value = Double(index) * step
            return (value, text(value, decimals: decimals))
        }
        return Layout(low: 0, high: end, isLogarithmic: false, ticks: ticks)
    }

    private static func logarithmic(_ values: [Double]) -> Layout {
        let low = pow(10, floor(log10((values.min() ?? 1) * 1.0001)))
        let high = max(10 * low, pow(10, ceil(log10((values.max() ?? 1) * 0.9999))))
        let first = Int(log10(low).rounded())
        let last = Int(log10(high).rounded())
        let stride = max(1, (last - first) / 6)
        let ticks = Swift.stride(from: first, through: last, by: stride).map { power in
            (
                pow(10, Double(power)),
                power < -3 ? "1e\(power)" : text(pow(10, Double(power)), decimals: max(0, -power))
            )
        }
        return Layout(low: low, high: high, isLogarithmic: true, ticks: ticks)
    }

    /// A number for people: `12`, `0.05`, `40k` or `3M`.
    private static func text(_ value: Double, decimals: Int) -> String {
        for (unit, size) in [("G", 1e9), ("M", 1e6), ("k", 1e3)] where abs(value) >= 10 * size {
            return shortened(value / size) + unit
        }
        return String(format: "%.\(decimals)f", value)
    }

    /// A value with five digits, to be read exactly.
    func number(_ value: Double) -> String { String(format: "%.5g", value) }

    private static func shortened(_ value: Double) -> String {
        value == value.rounded() ? String(format: "%.0f", value) : String(format: "%.1f", value)
    }

    /// Where values stand between the ends of an axis.
    struct Layout {
        let low: Double
        let high: Double
        let isLogarithmic: Bool
        let ticks: [(value: Double, label: String)]

        /// From 0 at the low end to 1 at the high end, no further.
        func position(_ value: Double) -> Double {
            let share =
                isLogarithmic
                ? log10(max(value, low) / low) / log10(high / low) : (value - low) / (high - low)
            return min(1, max(0, share))
        }
    }
}
