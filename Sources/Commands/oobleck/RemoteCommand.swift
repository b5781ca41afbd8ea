import ArgumentParser
import OobleckLaunch
import OobleckMetrics

/// `oobleck remote`: what `launch` starts on other machines, over ssh.
struct RemoteCommand: InterruptibleCommand {
    static let isRun = true
    static let configuration = CommandConfiguration(
        commandName: "remote",
        abstract: "Serve a launcher as a node; started by launch over ssh, never by people.",
        shouldDisplay: false
    )

    func run() async throws { try await RemoteService(observe: AgentMetrics.serve).run() }
}
