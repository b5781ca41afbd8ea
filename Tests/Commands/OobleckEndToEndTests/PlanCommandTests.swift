import Foundation
import OobleckCore
import Testing

/// What `oobleck plan` and `oobleck replan` say to input that makes no sense, and what they print.
@Suite(.timeLimit(.minutes(10))) struct PlanCommandTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let arguments: String
        let status: Int32
        /// What the line must say.
        let says: [String]

        init(_ arguments: String, _ status: Int32, _ says: String...) {
            self.arguments = arguments
            self.status = status
            self.says = says
        }

        var testDescription: String { arguments }
    }

    private static let layer = #"{"name": "a", "forward_seconds": 1, "backward_seconds": 2}"#

    private static func profile(_ layers: String, _ rest: String = "") -> String {
        #"{"version": 1, "model": "m", "microbatch_size": 1, \#(rest) "layers": [\#(layers)]}"#
    }

    private static let six = Array(repeating: layer, count: 6).joined(separator: ",")

    /// The plan of the published examples: four pipelines, templates for 2 to 5 nodes, 10 layers.
    private static func published(version: Int = 1) -> String {
        let pipelines = [[0, 1], [2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12, 13]]
        let templates = (2...5).map { nodes in
            let stages = (0..<nodes).map { node in
                let (first, end) = (node * 10 / nodes, (node + 1) * 10 / nodes)
                return """
                    {"first_layer": \(first), "end_layer": \(end), "node": \(node), "devices": 1,
                     "forward_seconds": 0.1, "backward_seconds": 0.2}
                    """
            }
            return """
                {"nodes": \(nodes), "iteration_seconds": 1, "stages": [\(stages.joined(separator: ","))]}
                """
        }
        let running = pipelines.map {
            """
            {"template_nodes": \($0.count), "nodes": \($0), "microbatches": 14,
             "pipeline_seconds": 1}
            """
        }
        return """
            {"version": \(version), "cost_model": "sosp23", "devices_per_node": 1,
             "microbatches": 56, "reason": "", "transfers": [],
             "guarantee": {"minimum_nodes": 4, "maximum_nodes": 14, "fault_tolerance": 1},
             "planning_seconds": {"templates": 0, "instantiation": 0},
             "templates": [\(templates.joined(separator: ","))],
             "plan": {"generation": 0, "step_seconds": 1, "synchronization_seconds": 0,
                      "pipelines": [\(running.joined(separator: ","))]}}
            """
    }

    private static let files = [
        "six": profile(six),
        "negative": profile(layer.replacing("1,", with: "-1,")),
        "missing": profile(#"{"name": "a", "forward_seconds": 1}"#),
        "nan": profile(layer.replacing("1,", with: "NaN,")),
        "word": profile(layer.replacing("1,", with: #""x","#)),
        "empty": profile(""),
        "version": profile(six).replacing(#""version": 1"#, with: #""version": 7"#),
        "owing": profile(six, #""device_memory_bytes": -5,"#),
        "tight": profile(
            six.replacing(#"": 2}"#, with: #"": 2, "parameter_bytes": 10, "gradient_bytes": 0}"#),
            #""device_memory_bytes": 20,"#
        ),
        "cut": String(profile(six).prefix(90)),
        "plan": published(),
        "newer": published(version: 9),
    ]

    private static let cases = [
        Case("plan --profile negative --nodes 4", 65, "layer a", "forward_seconds is -1"),
        Case("plan --profile missing --nodes 4", 65, "layers.0 lacks backward_seconds"),
        Case("plan --profile nan --nodes 4", 65, "line 1 has NaN"),
        Case("plan --profile word --nodes 4", 65, "layers.0.forward_seconds is not a number"),
        Case("plan --profile empty --nodes 4", 65, "no layers", "at least one"),
        Case("plan --profile version --nodes 4", 65, "version 7", "reads 1"),
        Case("plan --profile owing --nodes 4", 65, "device_memory_bytes is -5", "at least 1"),
        Case("plan --profile cut --nodes 4", 65, "not valid JSON"),
        Case("plan --profile absent --nodes 4", 65, "cannot read", "absent"),
        Case("plan --profile six --nodes 0", 64, "node count is 0", "at least 1"),
        Case("plan --profile six --nodes x", 64, "'x'", "--nodes"),
        Case("plan --profile six", 64, "--nodes"),
        Case("plan --profile six --nodes 4 --devices-per-node 3", 64, "3", "power of two"),
        Case("plan --profile six --nodes 4 --fault-tolerance -1", 64, "-1", "at least 0"),
        Case("plan --profile six --nodes 4 --cost-model luck", 64, "luck", "schedule"),
        Case("plan --profile six --nodes 4 --microbatches 0", 64, "are 0", "at least 1"),
        Case("plan --profile six --nodes 4 --microbatches 1000000000", 64, "1000000 at most"),
        Case("plan --profile six --nodes 4 --plot /nowhere/chart.svg", 74, "/nowhere/chart.svg"),
        Case("plan --profile six --nodes 4 --plot chart.png", 64, "ends in .png", ".svg"),
        Case("plan --profile six --nodes 4 --plot chart", 64, "has no ending", ".svg"),
        Case("plan --profile six --nodes 4 --exhaustive", 64, "--cost-model schedule"),
        Case("plan --profile tight --nodes 2", 69, "at least 3 nodes", "2 given", "add 1"),
        Case("plan --profile tight --nodes 5", 69, "6 nodes, 5 given", "fault tolerance of 0"),
        Case("plan --profile tight --nodes 8 --fault-tolerance 2", 69, "9 nodes", "tolerance of 1"),
        Case("plan --profile six --nodes 6 --microbatches 1", 69, "2 microbatches", "1 given"),
        Case("plan --profile six --nodes 4 --minimum-nodes 0", 64, "is 0 nodes", "at least 1"),
        Case("plan --profile six --nodes 4 --minimum-nodes 5", 64, "is 5 nodes", "at most 4"),
        Case("plan --profile six --nodes 9 --maximum-template-nodes 7", 64, "7", "6 layers"),
        Case("plan --profile tight --nodes 9 --minimum-nodes 2", 69, "2 nodes", "at least 3"),
        Case("plan --profile six --nodes 5 --minimum-nodes 3", 69, "6 nodes, 5 given"),
        Case("replan --plan newer --lose 2", 65, "version 9", "reads 1"),
        Case("replan --plan six --lose 2", 65, "not a plan", "the plan lacks cost_model"),
        Case("replan --plan plan --lose 99", 64, "99", "0-13"),
        Case("replan --plan plan --lose 2,x", 64, "\"x\"", "2,5"),
        Case("replan --plan plan", 64, "name at least one"),
        Case("replan --plan plan --join 3", 64, "3", "next free is 14"),
        Case("replan --plan plan --lose 2 --policy luck", 64, "luck", "optimal"),
        Case("replan --plan plan --lose 1,2,3,5,6,7,9,10,11", 69, "layer 5", "copy"),
    ]

    private func run(_ arguments: String) throws -> Laboratory.Outcome {
        let lab = try Laboratory()
        for (name, text) in Self.files {
            try text.write(toFile: lab.path(name), atomically: true, encoding: .utf8)
        }
        var words = arguments.split(separator: " ").map(String.init)
        for option in ["--profile", "--plan"] {
            if let index = words.firstIndex(of: option) {
                words[index + 1] = lab.path(words[index + 1])
            }
        }
        return try lab.run(words)
    }

    @Test(
        "input that makes no sense is one line, the right status, and no plan",
        arguments: cases
    )
    func refused(_ given: Case) throws {
        let outcome = try run(given.arguments)
        #expect(outcome.status == given.status, "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
        for words in given.says {
            #expect(outcome.errors.contains(words), "\(outcome.errors)")
        }
    }

    @Test("a plan with bounds of its own is printed as JSON, and can be replanned")
    func bounded() throws {
        let lab = try Laboratory()
        try Self.files["six"]?.write(
            toFile: lab.path("six"),
            atomically: true,
            encoding: .utf8
        )
        let words = ["plan", "--profile", lab.path("six"), "--nodes", "7", "--format", "json"]
        let bounds = ["--minimum-nodes", "2", "--maximum-template-nodes", "6"]
        let planned = try lab.run(words + bounds)
        #expect(planned.status == 0, "\(planned.errors)")
        let plan = try JSONDecoder().decode(PlanDocument.self, from: Data(planned.output.utf8))
        #expect(plan.templates.map(\.nodes) == Array(2...6))
        #expect(plan.guarantee.minimumNodes == 4)
        try planned.output.write(toFile: lab.path("plan"), atomically: true, encoding: .utf8)
        let replanned = try lab.run(
            ["replan", "--plan", lab.path("plan"), "--lose", "0", "--format", "json"]
        )
        #expect(replanned.status == 0, "\(replanned.errors)")
        let next = try JSONDecoder().decode(PlanDocument.self, from: Data(replanned.output.utf8))
        #expect(next.plan.nodes == (1...6).map { NodeID($0) })
        #expect(next.plan.pipelines.allSatisfy { $0.nodes.count >= 2 })
    }

    @Test(
        "the published examples come out of the command line",
        arguments: [
            ("2", [[0, 1], [3, 4], [5, 6, 7, 8], [9, 10, 11, 12, 13]]),
            ("1,3,4", [[0, 13], [2, 12], [9, 10, 11], [5, 6, 7, 8]]),
            ("2,4,6,7,8", [[0, 1], [3, 13], [5, 12], [9, 10, 11]]),
            ("1,2,3,5,6,7,9,10,11 --layout-only", [[0, 4], [8, 12, 13]]),
        ]
    )
    func published(lost: String, expected: [[NodeID]]) throws {
        let command = "replan --plan plan --policy sosp23 --format json --lose " + lost
        let outcome = try run(command)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let plan = try JSONDecoder().decode(PlanDocument.self, from: Data(outcome.output.utf8))
        #expect(plan.plan.pipelines.map(\.nodes) == expected)
        #expect(plan.plan.pipelines.map(\.templateNodes) == expected.map(\.count))
    }

    @Test(
        "the text keeps to 80 columns, and tells the pipelines of a kind apart",
        arguments: [
            "plan --profile six --nodes 6 --certify", "plan --profile tight --nodes 13 --certify",
            "plan --profile six --nodes 3 --devices-per-node 8 --cost-model schedule",
            "plan --profile tight --nodes 200 --fault-tolerance 2 --certify",
            "replan --plan plan --lose 2,4,6,7,8 --policy sosp23",
        ]
    )
    func text(_ command: String) throws {
        let outcome = try run(command)
        #expect(outcome.status == 0, "\(outcome.errors)")
        for line in outcome.output.split(separator: "\n") {
            #expect(line.count <= 80, "\(line)")
        }
        if command.hasPrefix("replan") { #expect(outcome.output.contains("0 1 | 3 13 | 5 12")) }
    }
}
