import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckTransport

/// What somebody asked of a run that is to go on.
struct ResumeRequest: Sendable {
    /// The run's directory.
    var path: String
    /// Nodes of the run from now on; as before if left out.
    var nodes: Int?
    /// Steps to train in all; as before if left out.
    var steps: Int?
    /// Nodes to start on this machine; as before if left out.
    var startedNodes: Int?
    /// Where the coordinator listens; as before if left out.
    var listenHost: String?
    var port: Int?
    var checkpoint = CheckpointRequest()
    /// Whether its nodes may compute otherwise than those before: the result is another then.
    var acceptsOtherArithmetic = false
    /// Certificates for control messages; `nil` is plain text.
    var tls: ControlTLS?

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

    /// How the run is started from now on.
    func launch(after last: LaunchRecord?, _ endpoint: CoordinatorEndpoint?) -> LaunchRecord {
        LaunchRecord(
            host: listenHost ?? endpoint?.host ?? last?.host ?? "127.0.0.1",
            port: port ?? last?.port ?? 0,
            startedNodes: startedNodes ?? (nodes == nil ? last?.startedNodes : nil),
            tls: tls != nil
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
