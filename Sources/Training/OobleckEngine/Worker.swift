import Foundation
import OobleckClock
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckModels
import OobleckTensor
import Synchronization

/// One worker's training: takes the coordinator's messages and trains the layers that its plans say.
///
/// Two threads meet here. The control connection calls ``receive(_:)`` and ``close()``; the training
/// thread is the one that calls ``run()``. What the first must do at once, even while the second is
/// blocked in a collective, is done in `receive`: routing rendezvous keys and aborting a generation.
/// Everything else waits in the mailbox, in order.
package final class Worker: Sendable {
    private let id: WorkerID
    private let host: String
    private let link: any ControlLink
    private let sharesMachine: @Sendable () -> Bool
    private let end: @Sendable (WorkerEnding) -> Void
    private let mailbox = Mailbox()
    private let current = Mutex<GenerationResources?>(nil)
    private let reach = Mutex<PeerReach?>(nil)

    /// A worker that other workers reach at the address `host`.
    ///
    /// `sharesMachine` says whether other workers of the run are on the same machine. It is called
    /// for each plan, since nodes join and leave. `end` is called where the worker has to end without
    /// a word; by default that ends this process.
    package init(
        _ id: WorkerID,
        host: String,
        link: any ControlLink,
        sharesMachine: @escaping @Sendable () -> Bool = { false },
        end: @escaping @Sendable (WorkerEnding) -> Void = { $0.endProcess() }
    ) {
        self.id = id
        self.host = host
        self.link = link
        self.sharesMachine = sharesMachine
        self.end = end
    }

    /// Takes a message of the coordinator.
    ///
    /// Never blocks.
    package func receive(_ message: CoordinatorMessage) {
        switch message {
        case .rendezvous(let rendezvous):
            let resources = current.withLock { $0 }
            if let resources, resources.generation == rendezvous.generation {
                resources.receive(key: rendezvous.key, value: rendezvous.value)
            }
            return
        case .abort(let generation, _):
            let resources = current.withLock { $0 }
            if let resources, resources.generation <= generation { resources.abort() }
        case .reconfigure(let reconfiguration):
            begin(reconfiguration.generation)
        case .stop:
            current.withLock { $0 }?.abort()
        case .job, .resume, .evaluate, .commit, .collect, .checkpoint:
            break
        }
        mailbox.put(message)
    }

    /// The control connection ended: ends the training thread.
    package func close() {
        current.withLock { $0 }?.abort()
        mailbox.close()
    }

    /// Bytes of the tensors that this worker handed over to be sent or summed, under its present plan.
    package var tensorBytesHandedOver: Int { current.withLock { $0?.bytesHandedOver } ?? 0 }

    private func begin(_ generation: Generation) {
        do {
            let resources = try GenerationResources(generation: generation, link: link)
            try announce(generation)
            let previous = current.withLock { current in
                defer { current = resources }
                return current
            }
            previous?.abort()
        } catch {
            link.send(.failed(exitStatus: 70, message: "cannot prepare generation: \(error)"))
        }
    }

    /// Tells the others where this worker can be found.
    private func announce(_ generation: Generation) throws {
        let reach = try reach.withLock { reach in
            let listening = try reach ?? PeerReach(host: host)
            reach = listening
            return listening
        }
        reach.dropVisitors()
        let key = PeerReach.keyPrefix + id.description
        link.send(
            .rendezvous(
                Rendezvous(generation: generation, key: key, value: Array(reach.address.utf8))
            )
        )
    }

    /// Stack of the training thread: autograd recurses through a layer's graph.
    private static let trainingStackBytes = 16 << 20

    /// Starts ``run()`` on a thread of its own.
    ///
    /// It ends with a stop or with ``close()``. Throws one line when it cannot be started.
    package func startTrainingThread() throws {
        try SystemThread.start(stackBytes: Self.trainingStackBytes) { _ = self.run() }
    }

    /// Trains until told to stop or until the mailbox closes.
    ///
    /// Runs on a thread of its own.
    ///
    /// - Returns: whether the coordinator said stop; `false` when the connection was lost.
    package func run() -> Bool {
        let trainer = Trainer(
            worker: id,
            host: host,
            link: link,
            clock: ComputeClock(),
            sharesMachine: sharesMachine,
            end: end,
            next: { self.mailbox.take() },
            resources: { generation in
                let resources = self.current.withLock { $0 }
                return resources?.generation == generation ? resources : nil
            }
        )
        defer {
            trainer.trace.write(isLast: true)
            log(trainer.decisionTimes)
        }
        do {
            return try trainer.run()
        } catch let error as TensorError where error.code == .outOfMemory {
            // Further operations may fail as well; the agent reports the rest.
            Console.note("out of memory: \(error.message)")
            end(.outOfMemory)
            return false
        } catch let error as OobleckError {
            link.send(.failed(exitStatus: error.code.exitStatus, message: error.message))
        } catch {
            link.send(.failed(exitStatus: 70, message: "\(error)"))
        }
        // The coordinator answers a failure with stop; leaving earlier could lose the report.
        while let message = mailbox.take() {
            if case .stop = message { return true }
        }
        return false
    }

    /// Leaves the times of votes and decisions in the node's log, where they are to be measured.
    private func log(_ times: DecisionTimes) {
        guard ProcessInfo.processInfo.environment["OOBLECK_DECISION_TIMES"] != nil else { return }
        Console.note(times.line)
    }
}
