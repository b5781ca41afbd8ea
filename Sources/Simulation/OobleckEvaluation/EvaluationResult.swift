/// All figures of the evaluation, and what is to be said of them.
public struct EvaluationResult: Sendable {
    /// A difference from the publication.
    public struct Difference: Hashable, Sendable {
        /// What differs.
        public let what: String
        /// How much.
        public let size: String
        /// Why.
        public let cause: String

        /// A difference.
        public init(what: String, size: String, cause: String) {
            self.what = what
            self.size = size
            self.cause = cause
        }
    }

    /// The figures, the paper's first.
    public let figures: [Figure]
    /// The throughputs that the paper prints, with ours.
    public let throughputs: [PublishedValue]
    /// The effective shares of figures 1 and 11, with ours.
    public let effectiveShares: [PublishedValue]
    /// The planning times of table 3, with ours.
    public let planningTimes: [PublishedPlanningTime]
    /// What differs from the publication.
    public let differences: [Difference]
    /// By which program, seed, constants and traces all of it was made.
    public let provenance: [String]
    /// Whether the figures over spot traces are among them.
    public let hasSpotTraces: Bool

    /// A result with all its parts.
    public init(
        figures: [Figure],
        throughputs: [PublishedValue],
        effectiveShares: [PublishedValue],
        planningTimes: [PublishedPlanningTime],
        differences: [Difference],
        provenance: [String],
        hasSpotTraces: Bool
    ) {
        self.figures = figures
        self.throughputs = throughputs
        self.effectiveShares = effectiveShares
        self.planningTimes = planningTimes
        self.differences = differences
        self.provenance = provenance
        self.hasSpotTraces = hasSpotTraces
    }

    /// Names and contents of all files: pictures, tables and the page.
    var files: [(name: String, text: String)] {
        let page = EvaluationPage(
            figures: figures,
            differences: differences,
            provenance: provenance,
            hasSpotTraces: hasSpotTraces
        )
        return figures.flatMap { figure in
            [
                (figure.name + ".svg", figure.svg),
                (figure.name + ".csv", figure.table.csv(provenance)),
            ]
        } + [("index.html", page.html)]
    }
}
