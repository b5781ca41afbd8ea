import OobleckCore
import OobleckRuntime

/// What somebody asked of `oobleck launch`.
package struct LaunchRequest: Sendable {
    /// The job and all that changes it; address, port and certificates are ours to choose.
    package var run: RunRequest
    package var hosts: [HostEntry]
    /// Steps to train, also when the run is resumed.
    package var steps: Int?
    package var options: SSHOptions
    /// The program on the hosts.
    package var program: String
    /// Where the coordinator listens; `nil` is by the route to the first host.
    package var listenHost: String?
    /// Interface at which hosts listen; `nil` is by their routes to the coordinator.
    package var interface: String?
    package var port: Int?
    /// Whether control messages go in the clear.
    package var isInsecure = false
    package var respawns = false
    package var environment: [String: String] = [:]
    package var preflightTime: Seconds = 60
    package var isDryRun = false
    /// The command as it was given, to be given again.
    package var command: String

    package init(
        run: RunRequest,
        hosts: [HostEntry],
        options: SSHOptions,
        program: String,
        command: String
    ) {
        self.run = run
        self.hosts = hosts
        self.options = options
        self.program = program
        self.command = command
    }
}
