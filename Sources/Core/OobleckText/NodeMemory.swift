import OobleckCore

/// The memory that each worker of a plan needs, by a profile.
package struct NodeMemory: Sendable, Encodable {
    /// One worker.
    package struct Row: Sendable, Encodable {
        package let node: NodeID
        /// `nil` for the first device.
        package let device: Int?
        package let pipeline: Int
        package let layers: [Int]
        /// All parts together.
        package let memory: ByteCount
        package let parts: StageMemory

        private enum CodingKeys: String, CodingKey {
            case node
            case device
            case pipeline
            case layers
            case memory = "memory_bytes"
            case parts
        }
    }

    /// In order of pipelines and stages.
    package let rows: [Row]

    /// The workers of a plan.
    package init(plan: PlanDocument, profile: ModelProfile) {
        rows = plan.plan.pipelines.enumerated().flatMap { index, pipeline -> [Row] in
            guard let template = plan.template(nodes: pipeline.templateNodes) else { return [] }
            return template.workers(on: pipeline.nodes).enumerated().map { stage, worker in
                let parts = template.memory(ofStage: stage, profile: profile)
                return Row(
                    node: worker.node,
                    device: worker.device == 0 ? nil : worker.device,
                    pipeline: index,
                    layers: Array(template.stages[stage].layers),
                    memory: parts.total,
                    parts: parts
                )
            }
        }
    }

    package func encode(to encoder: any Encoder) throws { try rows.encode(to: encoder) }

    /// The greatest need of a worker.
    package var most: ByteCount { rows.map(\.memory).max() ?? 0 }

    /// What each row is of, for people: a node where all have one device.
    package var place: String { rows.contains { $0.device != nil } ? "device" : "node" }

    private static let mostRows = 24

    /// A table of MiB for people, with what its columns are below it.
    package func lines(limit: Int?) -> [String] {
        var table = TextTable(
            [.init("node", .right), .init("layers")]
                + [
                    "MiB", "process", "state", "gradients", "activations", "workspace", "copies",
                ]
                .map { .init($0, .right) }
        )
        for row in rows.prefix(Self.mostRows) {
            let parts = row.parts
            let first = row.layers.first.map { "\($0)" } ?? ""
            let last = row.layers.last.map { "\($0)" } ?? ""
            let sizes = [
                row.memory, parts.process, parts.state, parts.gradients, parts.activations,
                parts.workspace, parts.checkpoint + parts.change,
            ]
            table.append(
                [
                    "\(WorkerID(row.node, device: row.device ?? 0))",
                    first == last ? first : "\(first)-\(last)",
                ]
                    + sizes.map { NumberText.decimal(Double($0.value) / 1_048_576, 0) }
            )
        }
        let rest = rows.count - Self.mostRows
        return table.lines(limit: limit)
            + (rest > 0 ? ["and \(counted(rest, "more \(place)")) (--format json shows all)"] : [])
    }

    /// What the columns of ``lines(limit:)`` are.
    package static let legend =
        "process: without any layer. state: parameters and moments. gradients: their sums over a step. "
        + "activations: of the microbatches in flight, with what is sent and received. workspace: the most "
        + "that one pass over one layer takes. copies: of the state, to a checkpoint, or while a plan changes."
}
