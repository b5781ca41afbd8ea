import Foundation
import OobleckCoordination
import OobleckCore

/// Writes to the shared store: nothing else is decided while one is on its way, as the coordinator's
/// thread waits for it.
extension World {
    var isWriting: Bool { shared?.writing?.process == shared?.leading && shared?.writing != nil }

    /// Begins to keep what a directive asks for.
    func begin(_ directive: CoordinatorInstance.Directive) {
        guard let shared else { return }
        switch directive {
        case .persist(let change): begin(change, of: shared.leading, shared.kept, directive)
        case .conclude(let outcome):
            self.shared?.concluding = outcome
            let summary: KeyValueTransaction.Operation = .put(
                FencedLead.outcomeName,
                Data("\(outcome)".utf8)
            )
            begin([[summary]], nil, of: shared.leading, directive)
        default: break
        }
    }

    func begin(
        _ change: DurableChange,
        of process: Int,
        _ kept: SharedState,
        _ directive: CoordinatorInstance.Directive?
    ) {
        do {
            begin(try kept.writes(keeping: change), change, of: process, directive)
        } catch {
            judge.complain("\(change) cannot be written: \(error)")
        }
    }

    private func begin(
        _ rest: [[KeyValueTransaction.Operation]],
        _ change: DurableChange?,
        of process: Int,
        _ directive: CoordinatorInstance.Directive?
    ) {
        shared?.writing = SharedStoreWorld.Writing(
            process: process,
            change: change,
            rest: rest,
            directive: directive
        )
        writeNext()
    }

    private func writeNext() {
        guard let writing = shared?.writing else { return }
        guard let operations = writing.rest.first else { return finishWriting(.done) }
        // The last one is the one that counts.
        if writing.rest.count == 1, let change = writing.change { shared?.unheard = change }
        guard let write = shared?.leads[writing.process]?.write(operations, now: Seconds(now))
        else {
            return finishWriting(.failed(.deposed))
        }
        startCall(.transaction(write.transaction), of: writing.process, .write(write))
    }

    func written(_ write: FencedLead.Write, _ answer: KeyValueAnswer, _ process: Int) {
        let verdict = shared?.leads[process]?.answered(write, answer, now: Seconds(now))
        guard shared?.writing?.process == process else { return }
        switch verdict {
        case .done:
            shared?.writing?.rest.removeFirst()
            writeNext()
        case .repeated(let next):
            startCall(.transaction(next.transaction), of: process, .write(next))
        case .deposed, nil: finishWriting(.failed(.deposed))
        case .foreign:
            judge.complain("a write was taken for another process's")
            finishWriting(.failed(.foreignWriter("the run")))
        }
    }

    func writeFailed(_ process: Int, _ error: OobleckError) {
        guard shared?.writing?.process == process else { return }
        finishWriting(.failed(error))
    }

    private func finishWriting(_ result: CoordinatorInstance.DirectiveResult) {
        guard let writing = shared?.writing else { return }
        shared?.writing = nil
        if case .done = result, let change = writing.change {
            shared?.unheard = nil
            shared?.truth.apply(change)
        }
        guard let directive = writing.directive else {
            guard case .done = result, let change = writing.change else { return candidateFailed() }
            return candidateKept(change)
        }
        if case .done = result, let change = writing.change { shared?.kept.kept(change) }
        guard settle(directive, result) else { return }
        performDirectives()
        takeBacklog()
    }

    /// The process that leads has ended, in order or not.
    func endProcess() {
        guard let process = shared?.leading else { return }
        shared?.ended.insert(process)
        if shared?.writing?.process == process { shared?.writing = nil }
        for (id, call) in shared?.calls ?? [:] where call.process == process {
            shared?.calls[id] = nil
        }
        shell.storeBacklog = []
    }

    /// The process gives its lead back, if it gets to it.
    func giveBackLead() {
        guard let process = shared?.leading, let lead = shared?.leads[process] else { return }
        shared?.leads[process]?.depose()
        guard !lead.isDeposed, random.chance(0.7) else { return }
        startCall(.revoke(lead.lease), of: process, .revocation)
    }
}
