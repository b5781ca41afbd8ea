import OobleckCore

/// One event of each kind and cause, and the sentence that people read.
enum EventSamples {
    static let recovery = RecoveryRecord(
        step: 7,
        lostNodes: [2, 5],
        detect: 0.0124,
        decide: 0.001,
        rebuild: 0.05,
        transfer: 0.2,
        transferBytes: 4096,
        total: 12.34,
        reason: "nodes 2, 5 are replaced"
    )
    static let restore = RestoreRecord(
        fromStep: 7,
        step: 4,
        stateSHA256: "abc",
        reason: "layer 3 (block2) is lost",
        total: 3,
        load: 1,
        loadedBytes: 4096
    )
    static let layer = NamedLayer(index: 3, name: "block2")

    /// At generation 3 and step 7.
    static let all: [(RunEvent.Content, String)] = nodes + training + run + warnings + refusals

    static let nodes: [(RunEvent.Content, String)] = [
        (.nodeJoined(2, agentPID: 77), "node 2 joined: agent 77"),
        (.nodeReady(2), "node 2 is ready"),
        (
            .nodeLost(2, .reported(evidence: "its \"worker\"\nwas killed")),
            "node 2 is lost: its \"worker\"\nwas killed"
        ),
        (
            .nodeLost(2, .silent(.worker, 2.04)),
            "node 2 is lost: no sign of life from worker for 2.0 s"
        ),
        (.nodeLost(2, .silent(nil, 2)), "node 2 is lost: no sign of life for 2.0 s"),
        (
            .nodeLost(2, .notReady(within: 60)),
            "node 2 is lost: worker was not ready within 60.0 s"
        ),
        (
            .nodeLost(2, .notBack(.agent, within: 4)),
            "node 2 is lost: its agent did not come back within 4.0 s"
        ),
        (
            .nodeLost(2, .disconnected(.worker)),
            "node 2 is lost: the connection of its worker ended"
        ),
        (
            .nodeLost(2, .doubled(.agent, pid: 8, known: 7)),
            "node 2 is lost: agent 8 connected beside agent 7"
        ),
        (
            .nodeLost(2, .outOfMemory(evidence: "its worker exited with status 71")),
            "node 2 is lost: its worker exited with status 71"
        ),
        (.nodeLost(2, .unprepared(4)), "node 2 is lost: did not prepare generation 4 in time"),
        (
            .nodeLost(2, .stuck(step: 7, 3)),
            "node 2 is lost: computed for 3.0 s at step 7 without an end, while all others waited"
        ),
        (.nodeLost(2, .layersNotHandedIn), "node 2 is lost: did not hand in its layers in time"),
        (
            .nodeLost(2, .cut(from: [1, 4], generations: 3)),
            "node 2 is lost: it and nodes 1, 4 reach the coordinator, but in 3 generations not "
                + "each other"
        ),
        (.nodeLost(2, .damaged(times: 3)), "node 2 is lost: its state was damaged 3 times"),
        (
            .nodeLost(2, .wrongBits(layer, step: 7, how: "all others agree")),
            "node 2 is lost: computed wrong bits of layer 3 (block2) at step 7: all others agree; "
                + "what it computed since its last check may be wrong as well"
        ),
        (
            .nodeLost(2, .arithmeticChanged(mark: "ab12")),
            "node 2 is lost: its arithmetic has changed since it joined: it computes other bits "
                + "than the run (ab12); what it computed since its last check may be wrong as well"
        ),
        (.nodeDrained(2), "node 2 has left"),
        (
            .outOfMemory(
                2,
                name: "small",
                evidence: "its worker exited with status 71",
                load: MemoryBound(layers: [1, 2], bytes: 2048)
            ),
            "its worker exited with status 71; with layers 1, 2, \(ByteCount(2048)) by the "
                + "profile: when small comes back it gets less than that, or nothing"
        ),
        (
            .suspicion(2, side: .agent, silence: 1.26),
            "node 2 is suspect: no sign of life from agent for 1.3 s"
        ),
        (
            .slow(2, NodeSlowness(factor: 2.5, own: 0.0121, peers: 0.0048)),
            "node 2 is slow: it takes 2.5 times as long as its peers for the same layers "
                + "(computing a microbatch takes it 12.1 ms, them 4.8 ms)"
        ),
        (.slow(2, nil), "node 2 is as fast as its peers again"),
        (
            .setAside(2, NodeSlowness(factor: 10), stepWithout: 0.05, stepWith: 0.2),
            "node 2 is set aside: 10.0 times slower than its peers, predicted step 50.0 ms, with it "
                + "200.0 ms"
        ),
    ]

    static let training: [(RunEvent.Content, String)] = [
        (.aborted(2, reason: "lost node 2"), "generation 2 is over: lost node 2"),
        (
            .planned(PlannedGeneration(generation: 3, nodes: 5, pipelines: 2, reason: "best")),
            "generation 3: best"
        ),
        (
            .planned(
                PlannedGeneration(
                    generation: 4,
                    nodes: 3,
                    pipelines: 2,
                    reason: "best",
                    layout: [[4], [7, 2]]
                )
            ),
            "generation 4: best"
        ),
        (.prepared(3, nodes: 5), "generation 3: prepared by all of 5 nodes"),
        (.resumed(3), "generation 3 trains from step 7"),
        (.committed(step: 6, loss: 2.5, isSkipped: false), "step 6 committed: loss 2.5"),
        (
            .committed(step: 6, loss: -.infinity, isSkipped: true),
            "step 6 committed without an update: loss -inf"
        ),
        (.proven(step: 6), "step 6 was committed before, as its workers prove"),
        (
            .evaluated(RecordedEvaluation(step: 7, generation: 3, samples: 64, loss: 2.12345)),
            "after 7 steps: validation loss 2.1235 on 64 samples"
        ),
        (
            .recovered(recovery),
            "nodes 2, 5 lost at step 7: detected 12 ms, decided 1 ms, rebuilt 50 ms, copied "
                + "\(ByteCount(4096)) in 200 ms, resumed after 12.3 s; nodes 2, 5 are replaced"
        ),
        (.restored(restore), "step 4 restored, 3 steps to do again: layer 3 (block2) is lost"),
        (.skipped(SkippedStep(reason: "no targets")), "step 7 skipped by all: no targets"),
        (
            .skipped(SkippedStep(reason: "too large", layer: layer, inARow: 1, limit: 5)),
            "step 7 skipped by all: too large; 1 of the 5 in a row that end the run (skip_limit)"
        ),
        (
            .damaged(.copies(2, [layer, NamedLayer(index: 9, name: nil)])),
            "node 2 holds damaged state of layer 3 (block2), 9: copied anew, step 7 is redone"
        ),
        (
            .damaged(.undecided(layer, [1, 2])),
            "the copies of layer 3 (block2) on nodes 1 and 2 differ at step 7, and none is known to "
                + "be right"
        ),
        (
            .damaged(.differentBits(layer, [1, 2])),
            "nodes 1, 2 compute different bits of layer 3 (block2) at step 7: the step is tried "
                + "again, and all prove their arithmetic"
        ),
        (
            .rebalanced(before: 0.2, after: 0.1),
            "microbatches move: predicted step from 200.0 ms to 100.0 ms"
        ),
    ]

    static let run: [(RunEvent.Content, String)] = [
        (.finished, "all 7 steps committed, all replicas agree"),
        (
            .stopping(reason: "Ctrl-C", end: .step(8)),
            "asked to stop (Ctrl-C): the run ends after step 8"
        ),
        (
            .stopping(reason: "Ctrl-C", end: .finalState),
            "asked to stop (Ctrl-C): the run ends when its final state is complete"
        ),
        (
            .stopping(reason: "Ctrl-C", end: .evaluation(ofStep: 7)),
            "asked to stop (Ctrl-C): the run ends once the state after step 7 is evaluated"
        ),
        (.stopped(reason: "no node is left"), "no node is left"),
        (.waitingForNodes(reason: "layer 3 is lost"), "layer 3 is lost"),
        (
            .checkpointRequested(.jobSavesNone),
            "no checkpoint, though asked for: the job saves none"
        ),
        (
            .checkpointRequested(.noted),
            "a checkpoint is saved at the next step boundary, as asked"
        ),
        (.checkpointRequested(.saved(step: 6)), "the checkpoint of step 6 is saved, as asked"),
        (
            .checkpointSaved(
                SavedCheckpoint(
                    step: 6,
                    bytes: 4096,
                    layers: 8,
                    nodes: 3,
                    heldUp: 0.00123,
                    written: 0.5
                )
            ),
            "checkpoint of step 6: \(ByteCount(4096)) in 8 layers by 3 nodes; training held up "
                + "1.23 ms, on disk after 500.0 ms"
        ),
        (
            .checkpointFailed(
                FailedCheckpoint(step: 6, node: 2, reason: "No space left", failuresInARow: 2)
            ),
            "no checkpoint of step 6: node 2: No space left (2 saves in a row have failed)"
        ),
        (
            .checkpointFailed(
                FailedCheckpoint(step: 6, node: nil, reason: "torn", failuresInARow: 1)
            ),
            "no checkpoint of step 6: torn"
        ),
        (.checkpointDamaged(2, reason: "step 4 is torn"), "passed over: step 4 is torn"),
        (.checkpointDamaged(nil, reason: "step 4 is torn"), "passed over: step 4 is torn"),
        (.restarted(term: 2, decay: nil), "coordinator 2 takes over at step 7"),
        (
            .restarted(term: 2, decay: DecaySpan(steps: 20, decaySteps: 10)),
            "coordinator 2 takes over at step 7 of 20, on a schedule of the learning rate for 10"
        ),
        (
            .isolated(.silence([1, 2], limit: 30)),
            "nodes 1, 2 fell silent together: the coordinator's own link is the likelier reason; "
                + "nothing is committed until they are heard of, for 30.0 s"
        ),
        (
            .isolated(.dropped),
            "nodes dropped a coordinator that was not heard for a while; it still leads, and they "
                + "come back"
        ),
        (
            .reconnected(.heard(after: 3.21, without: [2])),
            "nodes are heard of again after 3.2 s, without node 2; goes on at step 7"
        ),
        (
            .reconnected(.restarted(term: 2, after: 0.5, workers: 4)),
            "coordinator 2 goes on after 500 ms with 4 workers, at step 7"
        ),
        (
            .storageTrouble(.failing(reason: "No space left on device", advice: "free some")),
            "storage fails, the run waits: No space left on device; free some"
        ),
        (
            .storageTrouble(.failing(reason: "odd", advice: nil)),
            "storage fails, the run waits: odd"
        ),
        (.storageTrouble(.silent), "storage does not answer: the run waits for a write"),
        (
            .storageRestored(after: 2, wasSlow: false),
            "storage works again after 2.0 s; the run goes on"
        ),
        (.storageRestored(after: 2, wasSlow: true), "storage answered after 2.0 s"),
    ]

    static let warnings: [(RunEvent.Content, String)] = [
        (.warning(.coordinatorAway(6)), "the coordinator itself was away for 6.0 s"),
        (.warning(.notStarted(2, evidence: "see b.log")), "node 2 did not start: see b.log"),
        (.warning(.planKept(reason: "too few")), "the plan stays as it is: too few"),
        (.warning(.leavesAtBoundary(2)), "node 2 leaves at the next step boundary"),
        (
            .warning(.checkpointSkipped(step: 6, writing: 4)),
            "no checkpoint of step 6: that of step 4 is still being written"
        ),
        (.warning(.checkpointStore(reason: "cannot prune")), "cannot prune"),
        (
            .warning(
                .collectiveFailed(3, CollectiveFailure(node: 2, reason: "closed", unreached: [4]))
            ),
            "a collective of generation 3 failed: node 2: closed (it does not reach node 4)"
        ),
        (
            .warning(
                .collectiveFailed(3, CollectiveFailure(reason: "no vote from node 1 in 3.0 s"))
            ),
            "a collective of generation 3 failed: no vote from node 1 in 3.0 s"
        ),
        (
            .warning(.startsShort(ready: 3, expected: 4)),
            "starting with 3 nodes of 4: no more got ready"
        ),
        (
            .warning(.waitsForStart(MissingNodes(missing: 3, expected: 4, starting: [2]))),
            "waiting for 3 nodes of 4: node 2 started and not ready, 2 not started yet "
                + "(oobleck agent)"
        ),
        (
            .warning(.finalStateNotEvaluated(reason: "none left")),
            "the final state is not evaluated: none left"
        ),
        (.warning(.stays(2, reason: "no plan")), "node 2 stays: without it no plan"),
        (
            .warning(.notCovered(nodes: 3, losses: 1)),
            "with 3 nodes not every loss of 1 at once can be survived"
        ),
        (
            .warning(.startsOver(weights: nil)),
            "there is no checkpoint to restore: the run starts again from the seed"
        ),
        (
            .warning(.startsOver(weights: "w")),
            "there is no checkpoint to restore: the run starts again from the weights in w"
        ),
        (.warning(.checkpointNotNeeded), "going on without a checkpoint: all layers are held"),
        (.warning(.eventsDropped(7)), "7 events could not be written, and are left out"),
    ]

    static let refusals: [(RunEvent.Content, String)] = [
        (
            .refused(
                .misfit(who: "agent elder", Refusal.Misfit(.programVersion, reason: "is version 0"))
            ),
            "agent elder refused: it is version 0"
        ),
        (
            .refused(.outsider(2, .worker, wasAdmitted: true)),
            "worker of node 2 refused: the node is out"
        ),
        (
            .refused(.outsider(2, .agent, wasAdmitted: false)),
            "agent of node 2 refused: the node was never admitted"
        ),
        (.refused(.differs(2, reason: "node 2 reads other data")), "node 2 reads other data"),
        (
            .refused(.quarantined(name: "a", reason: "node a has died 3 times")),
            "node a has died 3 times"
        ),
        (.refused(.drain(2, .unknownNode)), "drain of node 2 refused: no such living node"),
        (.refused(.drain(2, .ending)), "drain of node 2 refused: the run is ending"),
        (
            .refused(.drain(2, .collecting)),
            "drain of node 2 refused: training is over, the final state is being collected"
        ),
    ]
}
