import OobleckTemplates
public import OobleckValues
import OobleckWords

/// The next plan after every set of up to f losses, computed before any loss happens
/// (``Replanner/certificate()``).
public struct Certificate: Hashable, Sendable, Codable {
    /// What follows a class of failure sets that differ only in which of several equal pipelines
    /// they hit.
    public struct Entry: Hashable, Sendable, Codable {
        /// One set of the class, ascending.
        public var lostNodes: [NodeID]
        /// How many sets the class has.
        public var sets: Int
        /// Nodes of each pipeline of the next plan; empty if there is none.
        public var pipelineNodes: [Int]
        /// Predicted step time of the next plan; 0 if there is none.
        public var stepTime: Seconds
        /// State to copy; `nil` where sets are told apart by the count of losses alone.
        public var bytes: ByteCount?
        /// Predicted time from the failure to the first step of the next plan, or `nil` alike.
        public var recovery: Seconds?
        /// Whether every layer keeps a holder and every node that is left has work.
        public var isSurvived: Bool
        /// What is wrong, if anything.
        public var complaint: String?

        private enum CodingKeys: String, CodingKey {
            case lostNodes = "lost_nodes"
            case sets
            case pipelineNodes = "pipeline_nodes"
            case stepTime = "step_seconds"
            case bytes
            case recovery = "recovery_seconds"
            case isSurvived = "survived"
            case complaint
        }
    }

    /// f.
    public var faultTolerance: Int
    /// How many failure sets were checked: all of 1 to f nodes.
    public var sets: Int
    /// Whether sets are distinguished by the lost nodes of a pipeline, and not only by their
    /// number.
    public var distinguishesPlaces: Bool
    /// By count of losses, then by pipelines.
    public var entries: [Entry]

    /// Whether all sets are survived with all nodes at work.
    public var holds: Bool { entries.allSatisfy(\.isSurvived) }

    private enum CodingKeys: String, CodingKey {
        case faultTolerance = "fault_tolerance"
        case sets
        case distinguishesPlaces = "distinguishes_places"
        case entries
    }
}

extension Replanner {
    /// Steps of the assignment's inner loop that a certificate may take in all: seconds.
    private static let workLimit = 2_000_000_000

    /// Checks all sets of 1 to f lost nodes, idle ones among them, under policy `optimal`, f being the
    /// plan's.
    ///
    /// ``replan(losing:joining:policy:isLayoutOnly:)`` computes the answer for one example of each
    /// class. Where there are too many classes, sets are distinguished only by the number of nodes
    /// that each pipeline loses. This is exact for the next sizes and the step time, which depend
    /// on the count of remaining nodes, and for the copies of each layer, since an intact pipeline
    /// holds them all. Bytes are omitted then.
    ///
    /// Throws ``OobleckError/Code/usage`` if even these are too many, which requires dozens of
    /// losses.
    public func certificate() throws -> Certificate {
        let losses = document.guarantee.faultTolerance
        let nodes = held.count
        let work = nodes * nodes * nodes
        let pipelines = document.plan.pipelines
        let fine = FailureClasses.all(
            of: pipelines,
            idleNodes: document.idleNodes,
            losses: losses,
            distinguishesPlaces: true,
            limit: max(1, Self.workLimit / max(1, work))
        )
        let classes =
            fine
            ?? FailureClasses.all(
                of: pipelines,
                idleNodes: document.idleNodes,
                losses: losses,
                distinguishesPlaces: false,
                limit: 1_000_000
            )
        guard let classes else {
            throw OobleckError(
                .usage,
                "sets of up to \(losses) of \(counted(nodes, "node")) are too many to certify; "
                    + "lower the fault tolerance"
            )
        }
        let isFine = fine != nil
        let entries = classes.map { isFine ? entry($0) : coarseEntry($0) }
        return Certificate(
            faultTolerance: losses,
            sets: classes.reduce(0) { $0 + $1.sets },
            distinguishesPlaces: isFine,
            entries: entries.enumerated()
                .sorted { ($0.1.lostNodes.count, $0.0) < ($1.1.lostNodes.count, $1.0) }
                .map { $0.element }
        )
    }

    private func entry(_ failures: FailureClass) -> Certificate.Entry {
        do {
            let outcome = try outcome(losing: failures.example, joining: [], .optimal, false)
            let option = outcome.option
            return Certificate.Entry(
                lostNodes: failures.example,
                sets: failures.sets,
                pipelineNodes: option.sizes,
                stepTime: option.instantiation.step,
                bytes: option.transfers.reduce(.zero) { $0 + $1.bytes },
                recovery: costs.overhead + option.transferTime,
                isSurvived: outcome.idle.isEmpty,
                complaint: outcome.idle.isEmpty ? nil : "\(phrase(outcome.idle)) idle"
            )
        } catch {
            return failed(failures, "\((error as? OobleckError)?.message ?? "\(error)")")
        }
    }

    private func coarseEntry(_ failures: FailureClass) -> Certificate.Entry {
        guard failures.pipelinesHit < document.plan.pipelines.count else {
            return failed(failures, "every pipeline is hit: a layer may lose its last copy")
        }
        let left = held.count - failures.example.count
        guard let choice = choice(nodes: left) else {
            return failed(failures, "\(counted(left, "node")) left, no template fits")
        }
        let idle = choice.idleNodes
        return Certificate.Entry(
            lostNodes: failures.example,
            sets: failures.sets,
            pipelineNodes: choice.instantiation.nodeCounts,
            stepTime: choice.instantiation.step,
            bytes: nil,
            recovery: nil,
            isSurvived: idle == 0,
            complaint: idle == 0 ? nil : "\(idle) of the nodes left are idle"
        )
    }

    private func failed(_ failures: FailureClass, _ complaint: String) -> Certificate.Entry {
        Certificate.Entry(
            lostNodes: failures.example,
            sets: failures.sets,
            pipelineNodes: [],
            stepTime: .zero,
            bytes: nil,
            recovery: nil,
            isSurvived: false,
            complaint: complaint
        )
    }
}
