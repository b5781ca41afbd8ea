import OobleckCore
import OobleckRunFiles

/// How many nodes a coordinator starts, and whom it waits for.
struct RunStaffing: Hashable, Sendable {
    /// Nodes to start on this machine.
    let newNodes: Int
    /// Whether nodes that it does not start have to join before training begins.
    let awaitsOthers: Bool
    /// New nodes that a resumed run waits for before it trains; `nil` in a run that starts or is taken.
    let expectedNewcomers: Int?

    /// A new run, or one that was taken over, of a job that `wanted` nodes train.
    ///
    /// `adopted` nodes wait on this machine: they are not replaced, and where there are none all
    /// `startedNodes` are started, or all that are wanted.
    init(wanted: Int, startedNodes: Int?, adopted: Int) {
        newNodes = adopted > 0 ? 0 : (startedNodes ?? wanted)
        awaitsOthers = adopted + newNodes < wanted
        expectedNewcomers = nil
    }

    /// A run that is resumed.
    ///
    /// `adopted` nodes wait on this machine. `mayHaveOthers` says that nodes of other machines may wait
    /// as well; where no node waits, all of the run's are new.
    init(
        resuming request: ResumeRequest,
        _ job: JobSpecification,
        _ launch: LaunchRecord,
        adopted: Int,
        mayHaveOthers: Bool
    ) {
        newNodes = request.newNodes(job, launch, adopted: adopted)
        awaitsOthers = adopted + newNodes < job.cluster.nodes
        let hasLiving = adopted > 0 || mayHaveOthers
        expectedNewcomers = hasLiving ? newNodes : max(newNodes, job.cluster.nodes)
    }
}
