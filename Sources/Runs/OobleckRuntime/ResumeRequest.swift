import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckTransport

/// What somebody asked of a run that is to go on.
package struct ResumeRequest: Sendable {
    /// The run's directory.
    package var path: String
    /// Nodes of the run from now on; as before if left out.
    package var nodes: Int?
    /// Steps to train in all; as before if left out.
    package var steps: Int?
    /// Nodes to start on this machine; as before if left out.
    package var startedNodes: Int?
    /// Where the coordinator listens; as before if left out.
    package var listenHost: String?
    package var port: Int?
    package var checkpoint = CheckpointChoice()
    /// Whether its nodes may compute otherwise than those before: the result is another then.
    package var acceptsOtherArithmetic = false
    /// Certificates for control messages; `nil` is plain text.
    package var tls: ControlTLS?
    /// The run's token; as before, or a new one, if left out.
    package var token: RunToken?
    /// Whether the run's nodes ended with its last coordinator: then none of them is waited for.
    package var nodesHaveEnded = false

    /// The run in `path` is to go on as it was.
    package init(path: String) { self.path = path }

    /// The job of the run in `directory`, of which `committed` steps count, with all that was asked
    /// for.
    ///
    /// Throws one line when that makes no sense.
    func changed(
        _ job: JobSpecification,
        in directory: RunDirectory,
        committed: Int
    ) throws -> JobSpecification {
        var job = job
        if let nodes { job.cluster.nodes = nodes }
        if let steps, steps != job.training.steps {
            guard steps >= committed else {
                throw OobleckError(
                    .usage,
                    "--steps is \(steps), but \(committed) steps of the run in \(directory.path) are "
                        + "committed already; it must be at least that"
                )
            }
            job.training.extend(to: steps)
        }
        job.checkpoint = try checkpoint.applied(
            to: job.checkpoint,
            runDirectory: directory.path
        )
        try JobFile.validate(job)
        return job
    }

    /// Whether the run, which is finished after `done` steps, is to train more of them.
    ///
    /// Throws one line when it is to have fewer than it has.
    func isMore(thanFinished done: Int, in directory: RunDirectory) throws -> Bool {
        guard let steps, steps != done else { return false }
        guard steps > done else {
            throw OobleckError(
                .usage,
                "--steps is \(steps), but the run in \(directory.path) is finished after \(done) "
                    + "steps; it must be more"
            )
        }
        return true
    }

    /// Throws one line unless the certificates are given that the nodes of a run with `usedTLS` need:
    /// nodes that wait speak as they did.
    func requireSameTLS(_ usedTLS: Bool) throws {
        guard (tls != nil) == usedTLS else {
            throw OobleckError(
                .usage,
                usedTLS
                    ? "the run speaks TLS; name --tls-cert, --tls-key and --tls-ca again"
                    : "the run speaks plain text; leave the --tls options out"
            )
        }
    }

    /// How the run is started from now on.
    func launch(after last: LaunchRecord?, _ endpoint: CoordinatorEndpoint?) -> LaunchRecord {
        LaunchRecord(
            host: listenHost ?? endpoint?.host ?? last?.host ?? "127.0.0.1",
            port: port ?? last?.port ?? 0,
            startedNodes: startedNodes ?? (nodes == nil ? last?.startedNodes : nil),
            tls: tls != nil,
            command: last?.command
        )
    }

    /// How many nodes to start, when `adopted` of the earlier ones wait on this machine.
    ///
    /// Nodes that wait are not replaced, unless more are asked for.
    func newNodes(_ job: JobSpecification, _ launch: LaunchRecord, adopted: Int) -> Int {
        guard adopted > 0 else { return launch.startedNodes ?? job.cluster.nodes }
        return max(0, (startedNodes ?? nodes ?? 0) - adopted)
    }
}
