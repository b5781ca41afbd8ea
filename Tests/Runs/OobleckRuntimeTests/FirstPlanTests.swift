import Foundation
import OobleckCore
import OobleckPlanning
import OobleckReconfiguration
import Testing

@testable import OobleckRuntime

@Suite("The plan that a run begins with", .timeLimit(.minutes(5)))
struct FirstPlanTests {
    private func failure(
        _ job: JobSpecification,
        _ profile: ModelProfile
    ) -> OobleckError? {
        #expect(throws: OobleckError.self) {
            _ = try FirstPlan(job, profile, host: "10.0.0.1")
        }
    }

    @Test("covers every layer on every node of the job, at generation 0")
    func whole() throws {
        let first = try FirstPlan(RunRemains.job, RunRemains.profile, host: "10.0.0.1")
        let plan = first.document.plan
        #expect(plan.generation == 0)
        #expect(plan.nodes.count == 4)
        #expect(plan.pipelines.count >= 2)
        #expect(plan.pipelines.reduce(0) { $0 + $1.microbatches } == 8)
    }

    @Test("has the job's limit of memory, whatever machine the profile is of")
    func memory() throws {
        var job = RunRemains.job
        job.cluster.deviceMemory = ByteCount(1 << 20)
        var profile = RunRemains.profile
        profile.deviceMemory = ByteCount(1 << 40)
        #expect(
            try FirstPlan(job, profile, host: "10.0.0.1").profile.deviceMemory == ByteCount(1 << 20)
        )
    }

    @Test("is made by the job's cost model, and says by which", arguments: CostModel.allCases)
    func costModel(model: CostModel) throws {
        var job = RunRemains.job
        job.cluster.costModel = model
        let first = try FirstPlan(job, RunRemains.profile, host: "10.0.0.1")
        #expect(first.document.costModel == model)
        #expect(first.document.reason.contains("(\(model.rawValue))"), "\(first.document.reason)")
        // The plan of `oobleck plan` for the same profile.
        let planner = try Planner(profile: RunRemains.profile, costModel: model)
        let plan = try planner.untimedPlan(nodes: 4, faultTolerance: 1, microbatches: 8)
        #expect(plan.templates == first.document.templates)
        #expect(plan.plan == first.document.plan)
        // The next plan of the run, after a loss.
        var reconfigurator = first.reconfigurator
        let decision = reconfigurator.decide(
            nodes: [0, 1, 2],
            holdings: [:],
            hasState: false,
            generation: 1
        )
        guard case .plan(let next, _) = decision else { return #expect(Bool(false), "\(decision)") }
        #expect(next.costModel == model)
        #expect(next.reason.contains("(\(model.rawValue))"))
        let replanned = try Replanner(plan, profile: RunRemains.profile).replan(losing: [3])
        #expect(replanned.costModel == model)
        #expect(replanned.reason.contains("(\(model.rawValue)), was"), "\(replanned.reason)")
    }

    @Test("of a job that an earlier version wrote down is made by the paper's cost model")
    func unsaidCostModel() throws {
        var job = RunRemains.job
        job.cluster.costModel = nil
        let text = try JSONEncoder().encode(job)
        #expect(!String(decoding: text, as: UTF8.self).contains("costModel"))
        let read = try JSONDecoder().decode(JobSpecification.self, from: text)
        let first = try FirstPlan(read, RunRemains.profile, host: "10.0.0.1")
        #expect(first.document.costModel == .sosp23)
    }

    @Test("is refused for a profile of another model")
    func otherModel() {
        var profile = RunRemains.profile
        profile.layers.removeLast()
        let error = failure(RunRemains.job, profile)
        #expect(error?.code == .inputData)
        #expect(error?.message == "the profile has 5 layers; model small has 6")
    }

    @Test("is refused for a profile with recomputation when the job has none")
    func recomputation() {
        var profile = RunRemains.profile
        profile.recomputes = true
        #expect(failure(RunRemains.job, profile)?.message.contains("training.recompute") == true)
    }

    @Test("is refused where memory does not suffice, in one line")
    func tooLarge() {
        var job = RunRemains.job
        job.cluster.deviceMemory = 10
        let error = failure(job, RunRemains.profile)
        #expect(error?.code == .noPlan)
        #expect(error?.message.contains("\n") == false)
    }
}

@Suite("The undisturbed run of a job", .timeLimit(.minutes(5)))
struct ReferenceRunTests {
    @Test("has one node, no limit of memory, and only the failures that are the job's own")
    func undisturbed() {
        var job = RunRemains.job
        job.cluster.deviceMemory = 1
        job.faults = [PlannedFault(node: 0, point: .midForward, step: 1, target: .node)]
        let number = NumberFault(step: 3, microbatch: 1, layer: 0, pass: .forward)
        job.stagedFaults.numbers = [number]
        job.stagedFaults.shortages = [MemoryFault(node: 0, step: 1)]
        let alone = ReferenceRun.undisturbed(job)
        #expect(alone.cluster.nodes == 1 && alone.cluster.faultTolerance == 0)
        #expect(alone.cluster.deviceMemory == nil)
        #expect(alone.faults.isEmpty)
        #expect(alone.stagedFaults == StagedFaults(numbers: [number]))
        #expect(alone.training == job.training && alone.model == job.model)
    }
}

@Suite("The kills of an evaluation", .timeLimit(.minutes(5)))
struct KillScheduleTests {
    private func schedule(_ sizes: [Int]) throws -> (KillSchedule, PlanDocument) {
        var job = RunRemains.job
        job.cluster.nodes = 5
        let document = try FirstPlan(job, RunRemains.profile, host: "10.0.0.1").document
        return (KillSchedule(sizes.map { KillScript.Kill(pipelineSize: $0) }), document)
    }

    @Test("each hits the last node of a pipeline of its size, once the run has recovered")
    func order() throws {
        var (schedule, document) = try schedule([])
        let size = try #require(document.plan.pipelines.last?.nodes.count)
        schedule = KillSchedule([.init(pipelineSize: size), .init(pipelineSize: size)])
        #expect(schedule.victim(after: 100) == nil, "there is no plan yet")
        schedule.planned(document)
        #expect(schedule.victim(after: KillSchedule.pause) == nil)
        let first = schedule.victim(after: KillSchedule.pause + 1)
        #expect(first == document.plan.pipelines.last?.nodes.last)
        #expect(schedule.victim(after: 100) == nil, "it has not recovered")
        schedule.planned(document)
        schedule.recovered()
        #expect(schedule.victim(after: 2 * KillSchedule.pause) == nil)
        #expect(schedule.victim(after: 2 * KillSchedule.pause + 1) != nil)
        schedule.recovered()
        #expect(schedule.victim(after: 100) == nil, "there is no other kill")
        #expect(schedule.plans.map(\.lost) == [[], first.map { [$0] } ?? []])
    }

    @Test("none hits a plan without a pipeline of its size")
    func noSuchSize() throws {
        var (schedule, document) = try schedule([99])
        schedule.planned(document)
        #expect(schedule.victim(after: 100) == nil)
    }
}
