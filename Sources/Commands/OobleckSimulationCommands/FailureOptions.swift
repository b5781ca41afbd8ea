import ArgumentParser
import OobleckCore
import OobleckSimulator

/// How often nodes fail, for `oobleck simulate`.
struct FailureOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: "Nodes at the start, without --trace.")
    var nodes: Int?

    @Option(parsing: .unconditional, help: "Simulated days, without --trace. [30]")
    var days: Double?

    @Option(parsing: .unconditional, help: "Worlds to average over. [20]")
    var trials: Int?

    @Option(parsing: .unconditional, help: "Seed of chance. [1]")
    var seed: UInt64?

    @Option(parsing: .unconditional, help: "Mean hours between failures of one node. [no failures]")
    var mtbfHours: Double?

    @Option(parsing: .unconditional, help: "Mean hours until a lost node is back. [never]")
    var repairHours: Double?

    @Option(parsing: .unconditional, help: "Below 1, young nodes fail more. [1]")
    var weibullShape: Double?

    @Option(parsing: .unconditional, help: "How much the rate varies over the day, 0 to 1. [0]")
    var dailyAmplitude: Double?

    @Option(parsing: .unconditional, help: "Nodes of a rack. [1]")
    var groupSize: Int?

    @Option(parsing: .unconditional, help: "Mean hours between failures of a whole rack.")
    var groupMtbfHours: Double?

    @Option(parsing: .unconditional, help: "Share of failures that are silent hangs. [0]")
    var hangShare: Double?

    @Option(parsing: .unconditional, help: "Share of failures that make a node slow. [0]")
    var slowShare: Double?

    @Option(parsing: .unconditional, help: "How many times slower. [2]")
    var slowFactor: Double?

    @Option(parsing: .unconditional, help: "Seconds of notice before a node goes. [0]")
    var notice: Double?

    @Option(parsing: .unconditional, help: "With --trace: seconds until a new node is ready. [45]")
    var startup: Double?

    @Option(help: "With --trace: the unit of its times. [by their size; the report says which]")
    var traceUnit: TraceUnit?

    /// Worlds, and the seed of the first.
    var worlds: (trials: Int, seed: UInt64) { (trials ?? 20, seed ?? 1) }

    /// What is given of all that says how nodes fail by chance.
    private var byChance: [(name: String, value: Any?)] {
        [
            ("--nodes", nodes), ("--days", days), ("--mtbf-hours", mtbfHours),
            ("--group-mtbf-hours", groupMtbfHours), ("--group-size", groupSize),
        ] + detailsOfNodes
    }

    /// What says more of the failures of single nodes.
    private var detailsOfNodes: [(name: String, value: Any?)] {
        [
            ("--weibull-shape", weibullShape), ("--daily-amplitude", dailyAmplitude),
            ("--hang-share", hangShare), ("--slow-share", slowShare),
            ("--slow-factor", slowFactor), ("--repair-hours", repairHours),
        ]
    }

    /// Throws `.usage` when any of the options is given, for the reason.
    func refuseAll(_ reason: String) throws {
        let others: [(name: String, value: Any?)] = [
            ("--trials", trials), ("--seed", seed), ("--notice", notice), ("--startup", startup),
        ]
        try IdleOptions(byChance + others).refuse(reason)
    }

    /// The worlds, and what people are told of them.
    func source(trace: String?) throws -> (source: SimulationExperiment.Source, note: String?) {
        if let trace { return try history(trace) }
        guard let nodes else {
            throw OobleckError(.usage, "give --trace, or --nodes with failures by chance")
        }
        let model = failureModel
        try model.validate()
        try refuseIdle()
        let hasFailures = mtbfHours != nil || groupMtbfHours != nil
        return (
            .chance(model, nodes: nodes, duration: Seconds((days ?? 30) * 86_400)),
            hasFailures
                ? nil : "no failures: neither --mtbf-hours, --group-mtbf-hours nor --trace is given"
        )
    }

    private func history(
        _ path: String
    ) throws -> (source: SimulationExperiment.Source, note: String?) {
        try IdleOptions(byChance).refuse(
            "beside --trace, which says when nodes come and go; give --trace, or --nodes with "
                + "failures by chance"
        )
        let (startup, notice) = (startup ?? 45, notice ?? 0)
        guard startup.isFinite, startup >= 0, notice.isFinite, notice >= 0 else {
            throw OobleckError(
                .usage,
                "startup is \(startup) s, notice \(notice) s; both must be at least 0"
            )
        }
        let reading = try TraceReader(path: path, unit: traceUnit).reading()
        try reading.requirePlausibleLength(path: path)
        let history = ClusterHistory(
            reading.trace,
            startup: SimulatedTime(Seconds(startup)),
            notice: SimulatedTime(Seconds(notice))
        )
        return (.history(history), reading.summary)
    }

    private var failureModel: FailureModel {
        func time(_ hours: Double?) -> Seconds? { hours.map { Seconds(3600 * $0) } }
        return FailureModel(
            meanTimeBetweenFailures: time(mtbfHours),
            weibullShape: weibullShape ?? 1,
            dailyAmplitude: dailyAmplitude ?? 0,
            repairTime: time(repairHours),
            groupSize: groupSize ?? 1,
            groupMeanTimeBetweenFailures: time(groupMtbfHours),
            hangShare: hangShare ?? 0,
            slowShare: slowShare ?? 0,
            slowFactor: slowFactor ?? 2,
            notice: Seconds(notice ?? 0)
        )
    }

    /// Throws `.usage` for options that need others which are not given.
    private func refuseIdle() throws {
        try IdleOptions([("--startup", startup), ("--trace-unit", traceUnit)])
            .refuse("without --trace")
        if groupMtbfHours == nil {
            try IdleOptions([("--group-size", groupSize)]).refuse("without --group-mtbf-hours")
        }
        if mtbfHours == nil {
            let details = groupMtbfHours == nil ? detailsOfNodes : detailsOfNodes.dropLast()
            try IdleOptions(Array(details)).refuse("without --mtbf-hours")
        }
        if mtbfHours == nil, groupMtbfHours == nil {
            try IdleOptions([("--notice", notice)]).refuse("without --mtbf-hours")
        }
        if (slowShare ?? 0) == 0 {
            try IdleOptions([("--slow-factor", slowFactor)]).refuse("without --slow-share")
        }
    }
}

// Both packages are ours: no other conformance can appear.
// swift-format-ignore: AvoidRetroactiveConformances
extension TraceUnit: @retroactive ExpressibleByArgument {}
