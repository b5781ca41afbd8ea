// Plans the pipelines of a model, loses a node, and writes the next plan.
//
//     swift run --package-path Examples/planning plan Examples/planning/profile.json plan.json
import OobleckPlanning

let paths = CommandLine.arguments.dropFirst()
guard let profilePath = paths.first, let planPath = paths.last, paths.count == 2 else {
    fatalError("usage: plan PROFILE.json PLAN.json")
}

let profile = try ModelProfile(contentsOf: profilePath)
let planner = try Planner(profile: profile, costModel: .schedule)
let plan = try planner.plan(nodes: 6, faultTolerance: 1, microbatches: 24)
print(plan.formatted(.table(width: 80)))

let next = try plan.replanning(losing: [2], profile: profile)
print("\nafter the loss of node 2:")
for transfer in next.transfers {
    let route = "from \(transfer.fromNode) to \(transfer.toNode)"
    print("  layer \(transfer.layer): \(transfer.bytes) \(route)")
}
print("  step \(plan.plan.stepTime.value) s before, \(next.plan.stepTime.value) s after")
try next.write(to: planPath)

// What cannot be planned is an error with its numbers.
do {
    _ = try planner.plan(nodes: 4, faultTolerance: 1, microbatches: 24)
} catch let error as OobleckError {
    if case .tooFewCopies(_, let losses, let nodes, let minimum) = error.problem {
        print("\n\(losses) loss at once takes \(minimum) nodes; \(nodes) is too few")
    }
}
