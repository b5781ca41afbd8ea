import OobleckCoordination
import OobleckCore

/// Calls to the shared store: from member to member, with time-outs, as the client makes them.
extension World {
    func happen(_ happening: StoreHappening) {
        guard shared != nil else { return }
        if let process = process(of: happening), process == shared?.leading, shell.isFrozen,
            !shell.isDown
        {
            // The process stands still.
            return shell.storeBacklog.append(happening)
        }
        switch happening {
        case .request(let call, let attempt, let request, let member):
            arrive(request, of: call, attempt, at: member)
        case .reply(let call, let attempt, let reply): hear(reply, of: call, attempt)
        case .timeOut(let call, let attempt):
            guard let known = shared?.calls[call], known.attempt == attempt else { return }
            fail(call, .silence("deadline exceeded"))
        case .ask(let call): ask(call)
        case .renew(let process): renew(process)
        case .bid: bid()
        case .work: workOnQueues()
        }
    }

    /// The process that a happening comes to; `nil` where it comes to the store.
    private func process(of happening: StoreHappening) -> Int? {
        switch happening {
        case .reply(let call, _, _), .timeOut(let call, _), .ask(let call):
            shared?.calls[call]?.process
        case .renew(let process): process
        case .request, .bid, .work: nil
        }
    }

    // MARK: The client

    func startCall(
        _ request: SimulatedEtcd.Request,
        of process: Int,
        _ purpose: SharedStoreWorld.Purpose
    ) {
        guard let known = shared else { return }
        let rotation = MemberRotation(
            members: SimulatedEtcd.members,
            first: known.members[process] ?? random.index(below: SimulatedEtcd.members),
            now: Seconds(now),
            bugs: setup.bugs
        )
        let call = known.lastCall + 1
        shared?.lastCall = call
        shared?.calls[call] = SharedStoreWorld.Call(
            process: process,
            request: request,
            purpose: purpose,
            rotation: rotation
        )
        ask(call)
    }

    private func ask(_ call: Int) {
        guard var known = shared?.calls[call] else { return }
        guard let member = known.rotation.next(now: Seconds(now)) else { return giveUp(call) }
        known.attempt += 1
        known.member = member
        shared?.calls[call] = known
        let attempt = known.attempt
        let patience = MemberRotation.patience.value
        agenda.add(.shared(.timeOut(call: call, attempt: attempt)), at: now + patience)
        // What is cut off gets lost on its way, there or back.
        if isCutOff(known.process), random.chance(0.5) { return }
        let request = StoreHappening.request(
            call: call,
            attempt: attempt,
            known.request,
            member: member
        )
        agenda.add(.shared(request), at: now + storeLatency())
    }

    private func isCutOff(_ process: Int) -> Bool {
        guard let shared else { return false }
        return shared.cuts > 0 && process == shared.leading
    }

    private func storeLatency() -> Double { random.seconds(0...(shared?.latency ?? 0)) }

    private func hear(_ reply: SimulatedEtcd.Reply, of call: Int, _ attempt: Int) {
        guard let known = shared?.calls[call], known.attempt == attempt else { return }
        guard !isCutOff(known.process) else { return }
        if case .refused(let reason) = reply { return fail(call, .refusal(reason)) }
        shared?.calls[call] = nil
        shared?.members[known.process] = known.member
        answered(known, reply)
    }

    private func fail(_ call: Int, _ failure: MemberRotation.Failure) {
        guard let known = shared?.calls[call] else { return }
        shared?.calls[call]?.attempt += 1
        guard !known.rotation.isFinal(failure) else { return giveUp(call, failure) }
        let pause = known.rotation.isRoundOver ? MemberRotation.pause.value : 0
        agenda.add(.shared(.ask(call: call)), at: now + pause)
    }

    private func giveUp(_ call: Int, _ failure: MemberRotation.Failure = .silence("")) {
        guard let known = shared?.calls.removeValue(forKey: call) else { return }
        let what =
            switch failure {
            case .silence: "etcd does not answer"
            case .refusal(let reason): "etcd refuses: \(reason)"
            }
        failed(known, OobleckError(.storage, what))
    }

    // MARK: The members

    private func arrive(
        _ request: SimulatedEtcd.Request,
        of call: Int,
        _ attempt: Int,
        at member: Int
    ) {
        guard shared?.etcd.serves(member, now: now) == true else {
            shared?.queues[member].append((call, attempt, request))
            return
        }
        work(on: request, of: call, attempt)
    }

    private func work(on request: SimulatedEtcd.Request, of call: Int, _ attempt: Int) {
        guard let reply = shared?.etcd.reply(to: request, now: now) else { return }
        let answer = StoreHappening.reply(call: call, attempt: attempt, reply)
        agenda.add(.shared(answer), at: now + storeLatency())
    }

    /// Members that go on work on all that had come meanwhile, also for callers that have given up.
    private func workOnQueues() {
        for member in 0..<SimulatedEtcd.members
        where shared?.etcd.serves(member, now: now) == true {
            let queue = shared?.queues[member] ?? []
            shared?.queues[member] = []
            for (call, attempt, request) in queue { work(on: request, of: call, attempt) }
        }
    }

    /// Has members stand still, or go on.
    func stall(_ members: [Int], isStalled: Bool) {
        for member in members {
            let election = random.seconds(1...1.6)
            if isStalled {
                shared?.etcd.stall(member, election, now: now)
            } else {
                shared?.etcd.resume(member, election, now: now)
            }
        }
        let electedAt = shared?.etcd.electedAt ?? now
        agenda.add(.shared(.work), at: max(now, electedAt) + 0.001)
    }
}
