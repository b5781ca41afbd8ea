import ArgumentParser
import OobleckClock
import OobleckControl
import OobleckCore
import OobleckPlanning

/// How a command prints.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
}

extension CostModel: ExpressibleByArgument {}

/// `oobleck plan`.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Plan pipelines for a profiled model."
    )

    @Option(help: "The model's profile.json.")
    var profile: String

    @Option(help: "Nodes to plan for.")
    var nodes: Int

    @Option(help: "Devices of each node; a power of two.")
    var devicesPerNode = 1

    @Option(help: "Node losses always survivable at once.")
    var faultTolerance = 1

    @Option(help: "Microbatches of one step over all pipelines. [four for each node]")
    var microbatches: Int?

    @Option(help: "How a pipeline's time is estimated.")
    var costModel = CostModel.sosp23

    @Option(help: "How to print.")
    var format = OutputFormat.text

    func run() throws {
        let planner = try Planner(
            profile: try ModelProfile.load(path: profile),
            costModel: costModel,
            devicesPerNode: devicesPerNode
        )
        let start = MonotonicTime.now
        let templates = try planner.templates(nodes: nodes, faultTolerance: faultTolerance)
        let middle = MonotonicTime.now
        var document = try planner.plan(
            nodes: nodes,
            microbatches: microbatches ?? 4 * nodes,
            templates: templates
        )
        document.planningTime = PlanningTime(
            templates: middle - start,
            instantiation: MonotonicTime.now - middle
        )
        print(format == .json ? try Console.json(document) : document.text)
    }
}

extension PlanDocument {
    /// The plan for people, within 80 columns.
    var text: String {
        var lines = [
            "step \(Self.milliseconds(plan.stepTime)) with \(microbatches) microbatches, "
                + "of which \(Self.milliseconds(plan.synchronizationTime)) synchronisation",
            "guarantee: any \(guarantee.faultTolerance) lost at once, from "
                + "\(guarantee.minimumNodes) to \(guarantee.maximumNodes) nodes",
            "", "nodes  iteration  layers of each stage",
        ]
        for template in templates {
            let stages = template.stages.map { stage in
                "\(stage.firstLayer)-\(stage.endLayer - 1)"
                    + (stage.devices > 1 ? "x\(stage.devices)" : "")
            }
            let row =
                Self.cell("\(template.nodes)", 5)
                + "  " + Self.cell(Self.milliseconds(template.iteration), 9) + "  "
            lines.append(Console.wrapped(row + stages.joined(separator: " "), keeping: row))
        }
        lines += ["", "pipeline  microbatches       time  nodes"]
        for (index, pipeline) in plan.pipelines.enumerated() {
            let row =
                Self.cell("\(index)", 8) + "  "
                + Self.cell("\(pipeline.microbatches)", 12) + "  "
                + Self.cell(Self.milliseconds(pipeline.pipelineTime), 9) + "  "
            let nodes = pipeline.nodes.map(\.description).joined(separator: " ")
            lines.append(Console.wrapped(row + nodes, keeping: row))
        }
        return (lines + ["", Console.wrapped(reason)]).joined(separator: "\n")
    }

    private static func cell(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private static func milliseconds(_ time: Seconds) -> String {
        Console.decimal(time.value * 1000, 1) + " ms"
    }
}

extension Console {
    /// Breaks a text after a table's first cells, which keep their spaces.
    fileprivate static func wrapped(_ text: String, keeping row: String) -> String {
        let rest = String(text.dropFirst(row.count))
        let mark = String(repeating: "~", count: row.count)
        let lines = wrapped(mark + rest, indent: row.count)
        return row + lines.dropFirst(row.count)
    }
}
