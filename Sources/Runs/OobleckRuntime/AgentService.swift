import Foundation
import OobleckConsole
import OobleckCore
import OobleckTransport

/// An agent that has a process to itself: its process group, its signals, and its last word on the
/// terminal.
package struct AgentService: Sendable {
    /// Serves metrics of an agent at an address while it runs; must not fail for itself.
    package typealias Observe =
        @Sendable (
            HostPort, AgentTally, @escaping @Sendable () async throws -> Void
        ) async throws -> Void

    private let agent: Agent
    private let metrics: HostPort?
    private let observe: Observe

    /// A service of `agent`, with its metrics at that address, if any.
    package init(agent: Agent, metrics: HostPort?, observe: @escaping Observe) {
        (self.agent, self.metrics, self.observe) = (agent, metrics, observe)
    }

    /// Serves until the node has left, and tells `leave` why it did.
    ///
    /// Throws one line when it was refused, or lost.
    package func run(
        _ leave: @escaping @Sendable (String) throws -> Void = {
            Console.show("left the run: \($0)")
        }
    ) async throws {
        let agent = agent
        // Agent and worker are one process group, so that a node can be ended as one. Where that
        // is refused, we head a session, and so a group.
        if getpgrp() != getpid() { _ = setpgid(0, 0) }
        // Asked once, the node leaves at a step boundary; asked twice, at once, as when killed.
        try await ProcessSignals.shared.handling { request in
            switch request {
            case .stop: agent.departure.request("the node was asked to end")
            case .stopNow:
                agent.killWorkers()
                Interruption.endAtOnce(isRun: true)
            case .save: break
            }
        } during: {
            let serve: @Sendable () async throws -> Void = {
                let reason = try await agent.run()
                try leave(reason)
            }
            guard let metrics else { return try await serve() }
            try await observe(metrics, agent.tally, serve)
        }
    }
}
