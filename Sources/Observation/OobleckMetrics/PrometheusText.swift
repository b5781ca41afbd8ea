/// Writes metrics in the text format of Prometheus, version 0.0.4.
struct PrometheusText {
    /// Kinds of metrics.
    enum Kind: String {
        case counter
        case gauge
        case histogram
    }

    private(set) var text = ""

    /// Starts a metric with its explanation; samples follow.
    mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        let help = help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// Adds a sample of the metric that was begun last.
    mutating func sample(
        _ name: String,
        _ labels: [(String, String)] = [],
        _ value: Double
    ) {
        let pairs = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }
        let braces = pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}"
        text += "\(name)\(braces) \(Self.number(value))\n"
    }

    /// A metric with one sample.
    mutating func single(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        begin(name, kind, help)
        sample(name, value)
    }

    private mutating func sample(_ name: String, _ value: Double) { sample(name, [], value) }

    /// A whole histogram.
    mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
        begin(name, .histogram, help)
        var count = 0
        for (bound, inside) in zip(histogram.bounds, histogram.counts) {
            count += inside
            sample("\(name)_bucket", [("le", Self.number(bound))], Double(count))
        }
        sample("\(name)_bucket", [("le", "+Inf")], Double(histogram.count))
        sample("\(name)_sum", histogram.sum)
        sample("\(name)_count", Double(histogram.count))
    }

    /// The format's own names for what is not finite; whole numbers without a fraction.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        let isShort = value == value.rounded() && abs(value) < 1e15
        return isShort ? "\(Int(value))" : "\(value)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            .replacing("\n", with: "\\n")
    }
}

/// How often values lay below each of some bounds.
struct Histogram: Sendable {
    /// In ascending order.
    let bounds: [Double]
    /// Values of each bound that lie above the bound before.
    private(set) var counts: [Int]
    private(set) var sum = 0.0
    private(set) var count = 0

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count)
    }

    mutating func add(_ value: Double) {
        guard value.isFinite else { return }
        sum += value
        count += 1
        if let index = bounds.firstIndex(where: { value <= $0 }) { counts[index] += 1 }
    }
}
