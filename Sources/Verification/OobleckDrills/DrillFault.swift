import OobleckCore

/// A row of the fault matrix that is injected into real processes.
package enum DrillFault: String, Sendable, Codable, CaseIterable {
    case killWorker = "kill-worker"
    case killAgent = "kill-agent"
    case killNode = "kill-node"
    case killAtPoints = "kill-at-points"
    case killTwoAtOnce = "kill-two-at-once"
    case killEveryPair = "kill-every-pair"
    case killDuringRecovery = "kill-during-recovery"
    case killPipeline = "kill-pipeline"
    case killAtRecoveryPoints = "kill-at-recovery-points"
    case killCoordinator = "kill-coordinator"
    case coordinatorAtPoints = "coordinator-at-points"
    case loseMoreThanF = "lose-more-than-f"
    case stopWorker = "stop-worker"
    case stopAgent = "stop-agent"
    case drainNode = "drain-node"
    case joinStorm = "join-storm"
    case quarantine
    case slowNode = "slow-node"
    case nanLoss = "nan-loss"
    case bitFlip = "bit-flip"
    case lateBitFlip = "late-bit-flip"
    case outOfMemory = "out-of-memory"
    case mutualTLS = "mutual-tls"
    case strangers
    case runDiskFull = "run-disk-full"
    case checkpointDiskFull = "checkpoint-disk-full"
    case checkpointDiskFaulty = "checkpoint-disk-faulty"
    case checkpointDamaged = "checkpoint-damaged"
    case partition = "partition"
    case partitionToCoordinator = "partition-to-coordinator"
    case partitionFromCoordinator = "partition-from-coordinator"
    case partitionMinority = "partition-minority"
    case partitionCoordinator = "partition-coordinator"
    case partitionPair = "partition-pair"
    case bandwidthLimit = "bandwidth-limit"
    case jitter
    case etcdMemberStopped = "etcd-member-stopped"
    case etcdMajorityStopped = "etcd-majority-stopped"
    case etcdMemberKilled = "etcd-member-killed"
    case etcdMemberCut = "etcd-member-cut"
    case etcdClocksApart = "etcd-clocks-apart"
    case etcdLeaderKilled = "etcd-leader-killed"

    /// What `--faults` may call it together with others.
    package var group: String {
        switch self {
        case .killWorker, .killAgent, .killNode, .killAtPoints, .killTwoAtOnce,
            .killEveryPair, .killDuringRecovery, .killPipeline, .killAtRecoveryPoints:
            "kill"
        case .killCoordinator, .coordinatorAtPoints: "coordinator"
        case .slowNode: "slow"
        case .nanLoss, .bitFlip, .lateBitFlip: "numbers"
        case .outOfMemory: "memory"
        case .mutualTLS, .strangers: "security"
        case .runDiskFull: "storage"
        case .loseMoreThanF, .checkpointDiskFull, .checkpointDiskFaulty, .checkpointDamaged:
            "checkpoint"
        case .stopWorker, .stopAgent: "stop"
        case .drainNode: "drain"
        case .joinStorm, .quarantine: "join"
        case .partition, .partitionToCoordinator, .partitionFromCoordinator, .partitionMinority,
            .partitionCoordinator, .partitionPair:
            "partition"
        case .bandwidthLimit, .jitter: "slow-network"
        case .etcdMemberStopped, .etcdMajorityStopped, .etcdMemberKilled, .etcdMemberCut,
            .etcdClocksApart, .etcdLeaderKilled:
            "etcd"
        }
    }

    /// What is done, in a sentence.
    package var summary: String {
        switch self {
        case .killWorker: "SIGKILL to a worker at a random moment"
        case .killAgent: "SIGKILL to an agent at a random moment"
        case .killNode: "SIGKILL to agent and worker of a node"
        case .killAtPoints: "SIGKILL at every named point of a step, to each kind of process"
        case .killTwoAtOnce: "SIGKILL to two nodes at once, f = 2"
        case .killEveryPair: "SIGKILL to every two of eight nodes at once, f = 2"
        case .killDuringRecovery:
            "SIGKILL to a second node while the first is recovered from, f = 2"
        case .killPipeline: "SIGKILL to all nodes of one pipeline at once"
        case .killAtRecoveryPoints:
            "SIGKILL to a second node in each phase of a recovery, f = 2"
        case .killCoordinator: "SIGKILL to the coordinator; its supervisor starts the next"
        case .coordinatorAtPoints:
            "SIGKILL to the coordinator at every named point, while a node is lost"
        case .quarantine: "a node dies each time it has joined, until it is kept out"
        case .slowNode: "a node computes five times slower from a step on"
        case .nanLoss: "a loss is not a number in one step"
        case .bitFlip: "bits flip in one copy of each layer of a node"
        case .lateBitFlip: "bits flip in one copy between a step's vote and its update's end"
        case .outOfMemory: "a worker asks for more memory than there is"
        case .mutualTLS:
            "a node dies under mutual TLS; strangers, wrong tokens are refused"
        case .strangers:
            "nodes with another token, version or corpus, or too few files, come"
        case .loseMoreThanF: "SIGKILL to all holders of a layer at once; back to a checkpoint"
        case .runDiskFull: "the run's own disk is full for three budgets"
        case .checkpointDiskFull: "the disk for checkpoints is full"
        case .checkpointDiskFaulty:
            "the disk for checkpoints gives errors, tears or alters writes, takes seconds"
        case .checkpointDamaged:
            "the newest checkpoint is altered, torn, short of a file, or another run's"
        case .stopWorker: "SIGSTOP to a worker, SIGCONT after it was replaced"
        case .stopAgent: "SIGSTOP to an agent, SIGCONT after its node was replaced"
        case .drainNode: "a node is drained while it trains"
        case .joinStorm: "three nodes join at once"
        case .partition: "a node's link is down: no packet passes, no connection is closed"
        case .partitionToCoordinator: "a node's packets to the coordinator are lost, one way"
        case .partitionFromCoordinator: "the coordinator's packets to a node are lost, one way"
        case .partitionMinority: "two of seven nodes are cut off and come back, f = 2"
        case .partitionCoordinator: "the coordinator is cut off for one and a half budgets"
        case .partitionPair: "two nodes of a pipeline do not reach each other, to the end"
        case .bandwidthLimit: "a node's link is limited to 20 Mbit/s"
        case .jitter: "a node's packets take up to 100 ms longer, each another time"
        case .etcdMemberStopped: "SIGSTOP to a member of etcd for two budgets"
        case .etcdMajorityStopped:
            "SIGSTOP to two of three members of etcd for longer than the lease"
        case .etcdMemberKilled: "SIGKILL to a member of etcd, which is started anew"
        case .etcdMemberCut: "the link of a member of etcd is down for two budgets"
        case .etcdClocksApart:
            "members of etcd whose clocks are hours apart stand still, one after the other"
        case .etcdLeaderKilled:
            "SIGKILL to the coordinator that leads in etcd; a standby takes over"
        }
    }

    /// Whether its nodes need network namespaces.
    package var needsNamespaces: Bool {
        group == "partition" || group == "slow-network" || self == .etcdMemberCut
    }

    /// Whether the run's state is in etcd, and a standby waits.
    var isShared: Bool { group == "etcd" }

    /// Node losses that must be survived at once.
    var faultTolerance: Int {
        switch self {
        case .killTwoAtOnce, .killEveryPair, .killDuringRecovery, .killAtRecoveryPoints,
            .partitionMinority:
            2
        default: 1
        }
    }

    /// Nodes to start with: the job needs two for a pipeline.
    var nodes: Int { faultTolerance == 2 ? 8 : 6 }

    /// Steps to train: enough for all that is to happen.
    var steps: Int {
        switch self {
        case .quarantine, .mutualTLS, .strangers: 500
        default: DrillLaboratory.steps
        }
    }

    /// Steps between two checkpoints; `nil` is none.
    var checkpointPeriod: Int? {
        switch self {
        case .killAtPoints, .lateBitFlip, .loseMoreThanF, .checkpointDiskFull,
            .checkpointDiskFaulty:
            3
        // Long enough for the newest to stay the newest while harm is done to it.
        case .checkpointDamaged: 15
        default: nil
        }
    }

    /// Whether a supervisor starts coordinators.
    var isSupervised: Bool { group == "coordinator" }

    /// What is staged in every run of the row, in the words of `--fault`.
    var staged: [String] {
        switch self {
        case .slowNode: ["kind=slow,node=1,factor=5,step=10"]
        case .nanLoss: ["kind=nan,step=12,microbatch=5,layer=4"]
        case .bitFlip:
            // The plan decides which layers the node holds; the others cannot be hit.
            (0..<DrillLaboratory.layers).map { "kind=flip,node=3,layer=\($0),step=\(5 + $0)" }
        default: []
        }
    }

    /// The undisturbed run that this row is compared with.
    var reference: DrillReference {
        // A step that all skip is skipped in the undisturbed run as well.
        DrillReference(
            tolerance: faultTolerance,
            steps: steps,
            staged: self == .nanLoss ? staged : []
        )
    }

    /// The faults that a list of names and groups means; `all` is all of them.
    ///
    /// Throws one line when a name means nothing.
    package static func parse(_ list: String) throws -> [DrillFault] {
        let names = list.split(separator: ",").map(String.init)
        for name in names where name != "all" {
            guard allCases.contains(where: { $0.rawValue == name || $0.group == name }) else {
                var groups: [String] = []
                for fault in allCases where !groups.contains(fault.group) {
                    groups.append(fault.group)
                }
                throw OobleckError(
                    .usage,
                    "--faults has \(name); it takes all, \(groups.joined(separator: ", ")), or a row's name"
                )
            }
        }
        return allCases.filter { fault in
            names.contains("all") || names.contains(fault.rawValue) || names.contains(fault.group)
        }
    }
}
