import OobleckCoordination
import OobleckCore
import OobleckWorlds
import Testing

@Suite("The control plane in simulated worlds", .serialized, .timeLimit(.minutes(20)))
struct WorldTests {
    /// How many seeds a bug may take to be found.
    private static let patience: UInt64 = 2000

    @Test("10,000 worlds of faults keep every promise, and each ends in time")
    func campaign() throws {
        let report = try Campaign(seeds: 0..<10_000).run()
        for failure in report.failures.prefix(10) {
            let what = failure.complaints.prefix(3).joined(separator: "; ")
            Issue.record("seed \(failure.seed): \(what); oobleck drill --replay \(failure.seed)")
        }
        #expect(report.worlds == 10_000)
        // They are no easy worlds: most lose nodes, and some more than can be survived.
        #expect(report.recoveries > report.worlds / 2)
        #expect(report.completed > report.worlds / 2 && report.stopped > report.worlds / 50)
        print(report.summary)
    }

    @Test(
        "worlds whose nodes have several devices keep every promise",
        .timeLimit(.minutes(5)),
        arguments: [2, 4]
    )
    func devices(count: Int) throws {
        for seed in UInt64(20_000)..<20_400 {
            var setup = WorldSetup(seed: seed)
            setup.devices = count
            let world = try World(setup)
            world.run()
            let what = world.judge.complaints.prefix(3).joined(separator: "; ")
            #expect(what.isEmpty, "seed \(seed) with \(count) devices: \(what)")
        }
    }

    @Test(
        "worlds of several devices that the judge once took for broken hold",
        .timeLimit(.minutes(5)),
        // A lone node that computes without an end; memory that ran out before a loss of power.
        arguments: [1795, 3498, 42_943] as [UInt64]
    )
    func mended(seed: UInt64) throws {
        let world = try World(WorldSetup(seed: seed, isLoud: true))
        world.run()
        #expect(world.setup.devices == 2)
        #expect(world.judge.complaints.isEmpty, "\(world.judge.complaints)")
    }

    @Test(
        "a known bug put back in is found",
        arguments: [
            KnownBugs.commitBeforeAllVoted, .staleGenerationAccepted, .holdingsNotUpdatedOnResume,
            .commitSentBeforeRecorded, .droppedTakenForDead, .quarantineIgnored, .deposedSpeaks,
            .overflowIgnored, .memoryForgotten, .ledgerIgnored, .joinsForgotten,
            .evaluationsSkipped, .evaluationsRepeated, .evaluationsUnsynchronized,
        ]
    )
    func knownBugs(bug: KnownBugs) throws {
        let campaign = Campaign(seeds: 0..<Self.patience, bugs: bug, stopsAtFailure: true)
        let report = try campaign.run()
        #expect(!report.failures.isEmpty, "not found in \(report.worlds) worlds")
        print("\(bug): found after \(report.worlds) worlds")
    }

    @Test(
        "a known bug of faults in which nothing dies, put back in, is found within 1,000 worlds",
        .timeLimit(.minutes(5)),
        arguments: [
            KnownBugs.skipsApplied, .skipsForgotten, .skipsCountedTwice, .copiesNotCompared,
            .damagedCopiesStay, .finalDamageIgnored, .sumsNotTriedAgain, .spotChecksIgnored,
            .slownessUnseen, .slowNodesLetGo, .joinsAtOnce,
        ]
    )
    func silentBugs(bug: KnownBugs) throws {
        let report = try Campaign(seeds: 0..<1000, bugs: bug, stopsAtFailure: true).run()
        #expect(!report.failures.isEmpty, "not found in \(report.worlds) worlds")
        print("\(bug): found after \(report.worlds) worlds")
    }

    @Test("1,500 worlds with an etcd that stalls, is cut off and is full keep every promise")
    func sharedStores() throws {
        let report = try Campaign(seeds: 0..<1500, sharesStore: true).run()
        for failure in report.failures.prefix(10) {
            let what = failure.complaints.prefix(3).joined(separator: "; ")
            Issue.record(
                "\(failure.seed): \(what); oobleck drill --shared --replay \(failure.seed)"
            )
        }
        #expect(report.completed > report.worlds / 2)
        print(report.summary)
    }

    @Test(
        "a known bug of shared stores put back in is found within 1,000 worlds",
        arguments: [
            KnownBugs.writesUnnumbered, .renewalRevives, .refusalsRepeated, .endIgnored,
            .deposedSpeaks,
        ]
    )
    func knownBugsOfSharedStores(bug: KnownBugs) throws {
        let campaign = Campaign(
            seeds: 0..<1000,
            bugs: bug,
            sharesStore: true,
            stopsAtFailure: true
        )
        let report = try campaign.run()
        #expect(!report.failures.isEmpty, "not found in \(report.worlds) worlds")
        print("\(bug): found after \(report.worlds) worlds")
    }

    /// Worlds with a shared store that found something, and what that was; they had no silent faults
    /// then.
    private static let onceBrokenSharing: [UInt64] = [
        // A write took longer than the lead lasted, and what followed from it was still said.
        22, 70,
        // All nodes of a run that had no more than f left were taken for dead at once.
        530,
        // A resumed run stopped while enough nodes were ready: it waited for others longer than it
        // was allowed to wait.
        5_019_680, 5_052_275,
        // A run that was resumed before its first step took nodes of before for newcomers, and began
        // below f + 1 copies.
        5_062_404,
        // So did a coordinator that took such a run over.
        5_038_331,
        // Mistakes of the worlds: the leader died of an end that a standby had heard of; a node that
        // was reached again counted as well before the coordinator had heard it.
        5_002_421, 5_003_918, 5_003_450,
    ]

    @Test(
        "worlds with a shared store and silent faults that broke once hold",
        .timeLimit(.minutes(1)),
        // A slow node had been the only holder of its layers for long: sound ones were taken for slow.
        arguments: [7177] as [UInt64]
    )
    func onceSharingSilently(seed: UInt64) throws {
        let world = try Campaign.world(seed: seed, sharesStore: true)
        #expect(world.judge.complaints.isEmpty, "\(world.judge.complaints)")
    }

    @Test("worlds with a shared store that broke once hold", arguments: Self.onceBrokenSharing)
    func onceSharing(seed: UInt64) throws {
        let world = try World(WorldSetup(sharing: seed, isLoud: true))
        world.run()
        #expect(world.judge.complaints.isEmpty, "\(world.judge.complaints)")
    }

    @Test("the seeds reach every fault of a shared store")
    func sharedVariety() throws {
        var actions: Set<String> = []
        for seed in 0..<60 as Range<UInt64> {
            let world = try Campaign.world(seed: seed, sharesStore: true)
            actions.formUnion(world.struck.map { world.setup.faults[$0].action.kind })
        }
        #expect(actions.isSuperset(of: WorldFault.Action.sharedKinds), "\(actions.sorted())")
    }

    /// Worlds that found something, and what that was; they had no silent faults then.
    private static let onceBroken: [UInt64] = [
        // A coordinator that stood still before its first tick took streams that had ended meanwhile
        // for the ends of their nodes.
        409_406, 416_469, 421_191,
        // A worker that was back before the end of its last session counted was put out for it.
        5452,
        // A node that computes without an end used up the tries of a step.
        24_830, 41_874,
        // Nodes that drop a coordinator which was cut off for less than a lease were taken for dead.
        83_059, 1_018_301,
        // A coordinator that lost the lead while the end of its run waited for storage went on with it.
        62_330,
        // A worker whose return broke off was planned for.
        467_206,
        // The store's answer was lost while nodes that had dropped the coordinator came back.
        155, 733_682,
        // A worker that came back twice had not heard the plan that was sent in between.
        5107,
        // Nodes that were let in just before a loss of power were put out, and generations given twice.
        48, 86, 773,
        // Signs of life that came while the disk was full were forgotten.
        612_689,
        // One node that did not come back was given up while no node was heard.
        527_429,
    ]

    @Test("worlds that broke once hold", arguments: Self.onceBroken)
    func once(seed: UInt64) throws {
        let world = try World(WorldSetup(seed: seed, isLoud: true))
        world.run()
        #expect(world.judge.complaints.isEmpty, "\(world.judge.complaints)")
    }

    /// Worlds with silent faults that found something, and the bug that puts it back.
    private static let onceBrokenSilently: [(seed: UInt64, bug: KnownBugs)] = [
        // A coordinator that restarted a run counted skipped steps in a row from zero.
        (172, .skipsForgotten),
        // Skipped steps that were done again after a return to a checkpoint counted twice.
        (507, .skipsCountedTwice),
        // A bit that flipped in one worker's sums ended the run.
        (503, .sumsNotTriedAgain),
        // A bit that flipped before the final state was collected ended the run.
        (205, .finalDamageIgnored),
    ]

    @Test(
        "worlds with silent faults that broke once hold, and break with the bug put back in",
        .timeLimit(.minutes(1)),
        arguments: Self.onceBrokenSilently
    )
    func onceSilently(seed: UInt64, bug: KnownBugs) throws {
        let world = try Campaign.world(seed: seed)
        #expect(world.judge.complaints.isEmpty, "\(world.judge.complaints)")
        let broken = try Campaign.world(seed: seed, bugs: bug)
        #expect(!broken.judge.complaints.isEmpty)
    }

    @Test("a seed tells the same story whenever it is told", arguments: [3, 17, 4711] as [UInt64])
    func replay(seed: UInt64) throws {
        let (one, other) = (
            try Campaign.world(seed: seed, isTraced: true),
            try Campaign.world(seed: seed, isTraced: true)
        )
        #expect(one.trace == other.trace)
        #expect(one.trace.count > 20)
        #expect(one.trace.allSatisfy { $0.count <= 80 })
        #expect(one.judge.ledger == (try Campaign.world(seed: seed)).judge.ledger)
    }

    @Test("the seeds reach every fault, at every moment, and every kind of end")
    func variety() throws {
        var actions: Set<String> = []
        var moments: Set<WorldFault.Moment> = []
        var kinds: Set<RunEvent.Kind> = []
        var codes: Set<OobleckError.Code> = []
        var merged = 0
        for seed in 0..<600 as Range<UInt64> {
            let world = try Campaign.world(seed: seed)
            for place in world.struck {
                let fault = world.setup.faults[place]
                actions.insert(fault.action.kind)
                if case .moment(let moment, _, _) = fault.trigger { moments.insert(moment) }
            }
            kinds.formUnion(world.judge.eventKinds)
            if case .stopped(let error) = world.outcome { codes.insert(error.code) }
            merged += world.judge.recoveries.count { $0.lostNodes.count > 1 }
        }
        #expect(actions == WorldFault.Action.kinds, "\(actions.sorted())")
        #expect(moments == Set(WorldFault.Moment.allCases))
        #expect(codes.contains(.outOfNodes))
        #expect(!codes.contains(.storage), "a disk that is full for a while ends no run")
        #expect(merged > 10)
        let wanted: Set<RunEvent.Kind> = [
            .nodeJoined, .nodeReady, .nodeLost, .nodeDrained, .suspicion, .aborted, .planned,
            .prepared, .resumed, .committed, .recovered, .warning, .refused, .finished, .stopped,
            .storageTrouble, .storageRestored, .checkpointSaved, .checkpointFailed,
            .checkpointDamaged, .waitingForNodes, .restored, .skipped, .damaged, .slow, .rebalanced,
            .setAside,
        ]
        #expect(wanted.isSubset(of: kinds), "never seen: \(wanted.subtracting(kinds))")
    }
}
