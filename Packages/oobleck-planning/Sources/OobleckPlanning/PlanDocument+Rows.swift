import OobleckReconfiguration
import OobleckTemplates
import OobleckValues
import OobleckWords

/// The tables of a plan.
extension PlanDocument {
    /// Most templates, and most pipelines, that are listed one by one.
    private static let mostRows = 12
    /// Most stages that are listed one by one.
    private static let mostStages = 16

    /// A row for each template: those in use, and the smallest and the largest of the others.
    func templateRows(width: Int) -> [String] {
        let used = Set(plan.pipelines.map(\.templateNodes))
        var shown = Set(templates.indices.filter { used.contains(templates[$0].nodes) })
        let order = templates.indices.sorted {
            Self.distance($0, templates) < Self.distance($1, templates)
        }
        for index in order where shown.count < Self.mostRows { shown.insert(index) }
        var table = TextTable([
            .init("template", .right), .init("iteration", .right), .init("balance", .right),
            .init("w and layers of each stage (* in use)"),
        ])
        for index in templates.indices where shown.contains(index) {
            let template = templates[index]
            let mark = used.contains(template.nodes) ? "*" : " "
            table.append([
                "\(template.nodes)\(mark)", PlanReason.time(template.iteration),
                Self.percent(template.balance), template.stagePhrase(Self.mostStages),
            ])
        }
        var rows = table.lines(limit: width)
        if shown.count < templates.count {
            rows.append("and \(templates.count - shown.count) more (the JSON format shows all)")
        }
        return rows
    }

    /// A row for each kind of pipeline.
    func pipelineRows(width: Int) -> [String] {
        var table = TextTable([
            .init("pipelines", .right), .init("nodes", .right), .init("microbatches", .right),
            .init("time", .right), .init("bubble", .right), .init("on nodes"),
        ])
        let kinds = kinds
        for kind in kinds.prefix(Self.mostRows) {
            table.append([
                "\(kind.pipelines.count)",
                "\(kind.template.nodes)" + (kind.pipelines.count > 1 ? " each" : ""),
                "\(kind.microbatches)", PlanReason.time(kind.time),
                Self.percent(kind.bubbleShare), kind.nodesPhrase,
            ])
        }
        var rows = table.lines(limit: width)
        if kinds.count > Self.mostRows {
            rows.append(
                "and \(counted(kinds.count - Self.mostRows, "more kind")) (the JSON format shows all)"
            )
        }
        return rows
    }

    /// From the nearer end.
    private static func distance(_ index: Int, _ templates: [PipelineTemplate]) -> Int {
        min(index, templates.count - 1 - index)
    }

    private static func percent(_ share: Double) -> String {
        "\(Int((share * 100).rounded())) %"
    }
}

extension PipelineTemplate {
    /// Mean over greatest w: 1 if all stages take equally long.
    fileprivate var balance: Double {
        let works = stages.map { $0.forward.value + $0.backward.value }
        guard let most = works.max(), most > 0 else { return 1 }
        return works.reduce(0, +) / Double(works.count) / most
    }

    /// A bar for each stage, as high as its w, and its layers and devices.
    fileprivate func stagePhrase(_ most: Int) -> String {
        let works = stages.map { $0.forward.value + $0.backward.value }
        let greatest = works.max() ?? 0
        let marks = Array("▁▂▃▄▅▆▇█")
        let bars = works.prefix(most).map { work in
            let height = greatest > 0 ? work / greatest : 1
            return marks[min(marks.count - 1, Int(height * Double(marks.count)))]
        }
        let names = stages.prefix(most).map { stage in
            let layers =
                stage.layers.count == 1
                ? "\(stage.firstLayer)" : "\(stage.firstLayer)-\(stage.endLayer - 1)"
            return layers + (stage.devices > 1 ? "x\(stage.devices)" : "")
        }
        let rest = stages.count > most ? " .. \(counted(stages.count, "stage"))" : ""
        return String(bars) + " " + names.joined(separator: " ") + rest
    }
}

extension PipelineKind {
    private static let mostNodes = 40

    /// In the order of the places of each pipeline, as `0 1 | 3-5`; as ranges of all for many nodes.
    fileprivate var nodesPhrase: String {
        if pipelines.reduce(0, { $0 + $1.nodes.count }) <= Self.mostNodes {
            return pipelines.map { Self.ranges($0.nodes).joined(separator: " ") }
                .joined(separator: " | ")
        }
        let ranges = Self.ranges(pipelines.flatMap(\.nodes).sorted())
        let shown = ranges.prefix(Self.mostNodes / 2)
        return shown.joined(separator: " ") + (ranges.count > shown.count ? " .." : "")
    }

    /// Three nodes or more that follow one another as `0-2`, others by themselves.
    private static func ranges(_ nodes: [NodeID]) -> [String] {
        var ranges: [ClosedRange<Int>] = []
        for node in nodes.map(\.rawValue) {
            if let last = ranges.last, last.upperBound + 1 == node {
                ranges[ranges.count - 1] = last.lowerBound...node
            } else {
                ranges.append(node...node)
            }
        }
        return ranges.flatMap { range in
            range.count > 2
                ? ["\(range.lowerBound)-\(range.upperBound)"] : range.map { "\($0)" }
        }
    }
}
