import ArgumentParser
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckFigures
import OobleckPlanning
import OobleckReconfiguration
import OobleckReports
import OobleckRunFiles
import OobleckSimulationCommands
import OobleckTransport

/// `oobleck plan`.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Plan pipelines for a profiled model."
    )

    @Option(help: "The model's profile.json.")
    var profile: String

    @Option(parsing: .unconditional, help: "Nodes to plan for.")
    var nodes: Int

    @Option(parsing: .unconditional, help: "Devices of each node; a power of two.")
    var devicesPerNode = 1

    @Option(parsing: .unconditional, help: "Node losses always survivable at once.")
    var faultTolerance = 1

    @Option(
        parsing: .unconditional,
        help: "Microbatches of one step over all pipelines. [four for each node]"
    )
    var microbatches: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Nodes of the smallest template, n0. [as memory asks for]",
            valueName: "n0"
        )
    )
    var minimumNodes: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Nodes of the largest template. [N - f n0, as in the paper]",
            valueName: "n"
        )
    )
    var maximumTemplateNodes: Int?

    @Option(help: "How a pipeline's time is estimated.")
    var costModel = CostModel.sosp23

    @Flag(help: "Search until the least is proved, however long cost model schedule takes.")
    var exhaustive = false

    @Option(help: "How to print.")
    var format = OutputFormat.text

    @Flag(help: "Check what follows every loss that must be survivable.")
    var certify = false

    @Option(help: "Write the pipelines' schedules as a chart to this file, an SVG.")
    var plot: String?

    func run() throws {
        if let plot { try PicturePath.check(plot, option: "--plot") }
        if exhaustive, costModel != .schedule {
            try IdleOptions([("--exhaustive", true)]).refuse(
                "with cost model \(costModel.rawValue), whose search always proves the least; it is "
                    + "for --cost-model schedule"
            )
        }
        let profile = try ModelProfile(contentsOf: profile)
        let planner = try Planner(
            profile: profile,
            costModel: costModel,
            devicesPerNode: devicesPerNode,
            effort: exhaustive ? .exhaustive : .bounded
        )
        let document = try planner.plan(
            nodes: nodes,
            faultTolerance: faultTolerance,
            microbatches: microbatches ?? 4 * nodes,
            sizes: TemplateSizes(minimumNodes: minimumNodes, maximumNodes: maximumTemplateNodes)
        )
        if let plot { try document.scheduleChart(model: profile.model).write(to: plot) }
        let width = Console.pageLimit
        guard certify else {
            return try Console.result(
                format == .json ? Console.json(document) : document.formatted(.table(width: width))
            )
        }
        let certificate = try Replanner(
            document,
            profile: profile,
            preparedLosses: faultTolerance
        )
        .certificate()
        switch format {
        case .json:
            try Console.result(
                Console.json(CertifiedPlan(document: document, certificate: certificate))
            )
        case .text:
            try Console.result(
                document.formatted(.table(width: width)) + "\n\n"
                    + certificate.formatted(.table(width: width))
            )
        }
    }
}
