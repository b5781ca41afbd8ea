import ArgumentParser
import Foundation
import OobleckClock
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckPlanning
import OobleckReconfiguration
import OobleckReports
import OobleckRunFiles
import OobleckSimulationCommands
import OobleckText

// Both packages are ours: no other conformance can appear.
// swift-format-ignore: AvoidRetroactiveConformances
extension ReplanPolicy: @retroactive ExpressibleByArgument {}

/// `oobleck replan`.
struct ReplanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replan",
        abstract: "Plan for the nodes that are left, or that join."
    )

    @Option(help: "The plan in force, a plan.json.")
    var plan: String

    @Option(help: "Nodes that are lost, with commas between.")
    var lose: String?

    @Option(help: "Nodes that join, with commas between.")
    var join: String?

    @Option(help: "How the next plan is found.")
    var policy = ReplanPolicy.optimal

    @Flag(help: "Plan even if no node is left that holds some layer.")
    var layoutOnly = false

    @Option(help: "The model's profile.json: bytes to copy, time of the synchronisation.")
    var profile: String?

    @Option(parsing: .unconditional, help: "Expected time until the next failure, in seconds.")
    var timeToFailure = ReconfigurationCosts().timeToFailure.value

    @Option(parsing: .unconditional, help: "Bytes that all copies together move in a second.")
    var bandwidth = ReconfigurationCosts().bandwidth

    @Option(help: "How to print.")
    var format = OutputFormat.text

    func run() throws {
        let lost = try NodeID.list(lose, option: "--lose")
        let joined = try NodeID.list(join, option: "--join")
        let old = try PlanDocument(contentsOf: plan)
        let profile = try profile.map { try ModelProfile(contentsOf: $0) }
        let costs = ReconfigurationCosts(
            timeToFailure: Seconds(timeToFailure),
            bandwidth: bandwidth
        )
        let start = MonotonicTime.now
        var document: PlanDocument
        do {
            document = try Replanner(old, profile: profile, costs: costs).replan(
                losing: lost,
                joining: joined,
                policy: policy,
                isLayoutOnly: layoutOnly
            )
        } catch let error as OobleckError where error.code == .inputData {
            throw OobleckError(.inputData, "\(plan): \(error.message)")
        }
        document.planningTime.instantiation = MonotonicTime.now - start
        try Console.result(
            format == .json
                ? Console.json(document)
                : document.formatted(.table(width: Console.pageLimit)) + document.transferTable
        )
    }
}
