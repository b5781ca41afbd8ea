import ArgumentParser
import OobleckCore
import OobleckSimulator

/// How often nodes fail, for `oobleck simulate`.
struct FailureOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: "Nodes at the start, without --trace.")
    var nodes: Int?

    @Option(parsing: .unconditional, help: "Simulated days, without --trace.")
    var days = 30.0

    @Option(parsing: .unconditional, help: "Worlds to average over.")
    var trials = 20

    @Option(parsing: .unconditional, help: "Seed of chance.")
    var seed: UInt64 = 1

    @Option(parsing: .unconditional, help: "Mean hours between failures of one node.")
    var mtbfHours: Double?

    @Option(parsing: .unconditional, help: "Mean hours until a lost node is back. [never]")
    var repairHours: Double?

    @Option(parsing: .unconditional, help: "Below 1, young nodes fail more.")
    var weibullShape = 1.0

    @Option(parsing: .unconditional, help: "How much the rate varies over the day, 0 to 1.")
    var dailyAmplitude = 0.0

    @Option(parsing: .unconditional, help: "Nodes of a rack.")
    var groupSize = 1

    @Option(parsing: .unconditional, help: "Mean hours between failures of a whole rack.")
    var groupMtbfHours: Double?

    @Option(parsing: .unconditional, help: "Share of failures that are silent hangs.")
    var hangShare = 0.0

    @Option(parsing: .unconditional, help: "Share of failures that make a node slow.")
    var slowShare = 0.0

    @Option(parsing: .unconditional, help: "How many times slower.")
    var slowFactor = 2.0

    @Option(parsing: .unconditional, help: "Seconds of notice before a node goes.")
    var notice = 0.0

    @Option(parsing: .unconditional, help: "With --trace: seconds until a new node is ready.")
    var startup = 45.0

    func source(trace: String?) throws -> Experiment.Source {
        let isByChance = nodes != nil || mtbfHours != nil || groupMtbfHours != nil
        if let trace {
            guard !isByChance else {
                throw OobleckError(.usage, "give --trace, or --nodes with failures by chance")
            }
            guard startup.isFinite, startup >= 0, notice.isFinite, notice >= 0 else {
                throw OobleckError(
                    .usage,
                    "startup is \(startup) s, notice \(notice) s; both must be at least 0"
                )
            }
            return .history(
                ClusterHistory(
                    try TraceReader(path: trace).read(),
                    startup: SimulatedTime(Seconds(startup)),
                    notice: SimulatedTime(Seconds(notice))
                )
            )
        }
        guard let nodes else {
            throw OobleckError(.usage, "give --trace, or --nodes with failures by chance")
        }
        func time(_ hours: Double?) -> Seconds? { hours.map { Seconds(3600 * $0) } }
        let model = FailureModel(
            meanTimeBetweenFailures: time(mtbfHours),
            weibullShape: weibullShape,
            dailyAmplitude: dailyAmplitude,
            repairTime: time(repairHours),
            groupSize: groupSize,
            groupMeanTimeBetweenFailures: time(groupMtbfHours),
            hangShare: hangShare,
            slowShare: slowShare,
            slowFactor: slowFactor,
            notice: Seconds(notice)
        )
        try model.validate()
        return .chance(model, nodes: nodes, duration: Seconds(days * 86_400))
    }
}
