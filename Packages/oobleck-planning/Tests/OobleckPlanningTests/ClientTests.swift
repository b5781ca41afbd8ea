import Foundation
import OobleckPlanning
import OobleckSeeds
import Testing

/// What a client of the library does, with files and errors.
@Suite("A client of the planner", .timeLimit(.minutes(10)))
struct ClientTests {
    private let folder: TemporaryFolder
    private let profile = ModelProfile(
        model: "eight",
        microbatchSize: 1,
        deviceMemory: 600,
        layers: (0..<8).map {
            LayerProfile(
                name: "layer \($0)",
                forward: 1,
                backward: 2,
                parameterBytes: 100,
                gradientBytes: 0
            )
        }
    )

    init() throws { folder = try TemporaryFolder() }

    private func plan() throws -> PlanDocument {
        try Planner(profile: profile).plan(nodes: 6, faultTolerance: 1, microbatches: 24)
    }

    /// A file of the examples.
    private static func sample(_ name: String) -> String {
        (0..<5).reduce(URL(fileURLWithPath: #filePath)) { path, _ in
            path.deletingLastPathComponent()
        }
        .appendingPathComponent("Examples/planning/" + name).path
    }

    @Test("what is written is read again, and equal documents give equal bytes")
    func files() throws {
        let path = folder.path + "/profile.json"
        try profile.write(to: path)
        #expect(try ModelProfile(contentsOf: path) == profile)
        let plan = try plan()
        let planPath = folder.path + "/plan.json"
        try plan.write(to: planPath)
        #expect(try PlanDocument(contentsOf: planPath) == plan)
        let text = try String(contentsOf: URL(fileURLWithPath: planPath), encoding: .utf8)
        #expect(text == plan.formatted(.json) + "\n")
        #expect(text.contains(#""version" : 1"#))
    }

    @Test("the sample files are read, and written as they are")
    func samples() throws {
        let sample = try ModelProfile(contentsOf: Self.sample("profile.json"))
        #expect(sample.layers.count == 14)
        let path = folder.path + "/copy.json"
        try sample.write(to: path)
        #expect(try ModelProfile(contentsOf: path) == sample)
        let plan = try PlanDocument(contentsOf: Self.sample("plan.json"))
        #expect(plan.plan.generation == 1)
        try plan.write(to: path)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(try bytes == Data(contentsOf: URL(fileURLWithPath: Self.sample("plan.json"))))
        #expect(throws: Never.self) { try plan.replanning(joining: [9], profile: sample) }
    }

    @Test("a profile that makes no sense is not even decoded")
    func decoding() throws {
        let text = #"{"version": 9, "model": "m", "microbatch_size": 1, "layers": []}"#
        let error = #expect(throws: OobleckError.self) {
            try JSONDecoder().decode(ModelProfile.self, from: Data(text.utf8))
        }
        #expect(error?.problem == .unsupportedVersion(found: 9, supported: 1))
        let empty = text.replacing("9", with: "1")
        let second = #expect(throws: OobleckError.self) {
            try JSONDecoder().decode(ModelProfile.self, from: Data(empty.utf8))
        }
        #expect(second?.problem == .noLayers)
        var bad = profile
        bad.layers[3].forward = -1
        let third = #expect(throws: OobleckError.self) { try bad.write(to: folder.path + "/bad") }
        #expect(
            third?.problem
                == .invalidValue(field: "forward_seconds", layer: "layer 3", value: -1)
        )
        #expect(try folder.names.isEmpty)
    }

    @Test("a plan survives what was asked for, or there is none and the error has the numbers")
    func promise() throws {
        let planner = try Planner(profile: profile)
        let few = #expect(throws: OobleckError.self) {
            try planner.plan(nodes: 3, faultTolerance: 1, microbatches: 24)
        }
        #expect(
            few?.problem
                == .tooFewCopies(pipelines: 1, faultTolerance: 1, nodes: 3, minimumNodes: 4)
        )
        #expect(few?.message.contains("--") == false)
        let none = #expect(throws: OobleckError.self) {
            try planner.plan(nodes: 1, faultTolerance: 0, microbatches: 24)
        }
        #expect(none?.problem == .tooFewNodes(nodes: 1, minimum: 2))
    }

    @Test("the time of planning is measured")
    func planningTime() throws {
        let plan = try plan()
        #expect(plan.planningTime.templates > 0)
        #expect(plan.planningTime.instantiation > 0)
        #expect(try plan.replanning(losing: [0]).planningTime.instantiation > 0)
    }

    @Test("the next plan is the replanner's; what cannot be planned has its numbers in the error")
    func replanning() throws {
        let plan = try plan()
        var next = try plan.replanning(losing: [1], joining: [9], profile: profile)
        next.planningTime = PlanningTime(templates: 0, instantiation: 0)
        let replanner = try Replanner(plan, profile: profile)
        #expect(try next == replanner.replan(losing: [1], joining: [9]))
        func problem(_ lost: [NodeID], _ joined: [NodeID] = []) -> PlanningProblem? {
            #expect(throws: OobleckError.self) {
                try plan.replanning(losing: lost, joining: joined)
            }?.problem
        }
        #expect(problem([77, 1]) == .unknownNodes([77]))
        #expect(problem([], [3]) == .takenNodes([3]))
        guard case .lostLayers(let layers) = problem((0..<6).map { NodeID($0) }) else {
            return #expect(Bool(false), "all nodes lost")
        }
        #expect(layers == Array(0..<8))
    }
}
