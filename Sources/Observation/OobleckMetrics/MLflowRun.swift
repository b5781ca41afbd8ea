import Foundation
import OobleckClock
import OobleckCoordination
import OobleckCore
import OobleckData
import OobleckRecording
import OobleckRunFiles
import Synchronization

/// Tells an MLflow server the numbers of each step, and how the run ends.
///
/// Steps are sent together, once a second at most. A server that does not answer costs training nothing: it is
/// tried again with growing pauses, the newest ``mostLines`` steps wait for it, and one line says so.
package final class MLflowRun: Sendable {
    /// Steps that wait for the server at most; of more, the oldest are left out.
    static let mostLines = 10_000
    /// Time between two calls, and between two tries at a server that does not answer.
    private static let (pace, leastPause, mostPause): (Seconds, Seconds, Seconds) = (1, 2, 60)
    /// How long a server that answered up to then is told of a run's end, again and again if it has to
    /// be; the program waits for its observers a little longer.
    private static let lastTries: Seconds = 8

    private struct State {
        var lines: MetricsLines
        var waiting = BoundedQueue<MetricsLine>(limit: mostLines)
        /// The id of the run at the server, once it has one.
        var id: String?
        /// When the server may be asked next, and the pause after another failure.
        var next: Seconds = 0
        var pause: Seconds = leastPause
        var isSilent = false
    }

    /// Where the id is kept, for the run to go on there when it is resumed.
    private struct Kept: Codable {
        let server: String
        let run: String
    }

    private let server: MLflowServer
    private let place: HTTPPlace
    private let experiment: String
    private let directory: RunDirectory
    private let job: JobSpecification
    private let complain: @Sendable (String) -> Void
    private let state: Mutex<State>

    /// An observer of the run in `directory` for the server at `uri`.
    ///
    /// Throws ``OobleckError/Code/usage`` with one line for a URI that is none.
    package convenience init(
        _ uri: String,
        experiment: String,
        _ directory: RunDirectory,
        _ job: JobSpecification,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        complain: @escaping @Sendable (String) -> Void
    ) throws {
        let place = try HTTPPlace(parsing: uri, what: "--mlflow")
        let server = MLflowServer(place, environment: environment)
        self.init(place, server, experiment, directory, job, complain)
    }

    private init(
        _ place: HTTPPlace,
        _ server: MLflowServer,
        _ experiment: String,
        _ directory: RunDirectory,
        _ job: JobSpecification,
        _ complain: @escaping @Sendable (String) -> Void
    ) {
        (self.place, self.server, self.experiment) = (place, server, experiment)
        (self.directory, self.job, self.complain) = (directory, job, complain)
        let committed = TensorBoardFile.lastStep(of: directory)
        state = Mutex(State(lines: MetricsLines(job: job, committed: committed)))
    }

    /// Throws ``OobleckError/Code/usage`` with one line unless `uri` is one of a server.
    package static func validate(_ uri: String) throws {
        _ = try HTTPPlace(parsing: uri, what: "--mlflow")
    }

    /// Takes what the run tells its observers; waits for the server, which only this observer does.
    package func receive(_ update: RunUpdate) {
        let time = Seconds(Date().timeIntervalSince1970)
        state.withLock { state in
            for line in state.lines.lines(for: update, at: time) { state.waiting.add(line) }
            guard case .finished(let outcome, _) = update else {
                guard MonotonicTime.now >= state.next else { return }
                return tell(&state, at: time) { _ in }
            }
            let end = state.isSilent ? MonotonicTime.now : MonotonicTime.now + Self.lastTries
            while true {
                tell(&state, at: time) { id throws(OobleckError) in
                    try server.update(id, Self.status(outcome), end: time)
                }
                guard state.isSilent, MonotonicTime.now < end else { return }
                Thread.sleep(forTimeInterval: Self.pace.value)
            }
        }
    }

    /// Sends what waits, and then what else there is to say.
    private func tell(
        _ state: inout State,
        at time: Seconds,
        _ more: (String) throws(OobleckError) -> Void
    ) {
        let waiting = state.waiting.takeAll().elements
        var sent = 0
        do {
            let id = try begun(&state, at: time)
            for lines in waiting.chunked(by: Self.linesOfCall) {
                try server.log(id, lines.flatMap(Self.metrics))
                sent += lines.count
            }
            try more(id)
            if state.isSilent { complain("MLflow at \(place.address) answers again") }
            (state.isSilent, state.pause) = (false, Self.leastPause)
            state.next = MonotonicTime.now + Self.pace
        } catch {
            for line in waiting.dropFirst(sent) { state.waiting.add(line) }
            if !state.isSilent {
                complain(
                    "MLflow at \(place.address): \(oneLine(error)); training goes on, and it is "
                        + "tried again"
                )
            }
            state.isSilent = true
            state.next = MonotonicTime.now + state.pause
            state.pause = min(Self.mostPause, state.pause + state.pause)
        }
    }

    /// The id of the run at the server, which is begun, or continued, if it was not.
    private func begun(_ state: inout State, at time: Seconds) throws -> String {
        if let id = state.id { return id }
        if let id = keptID {
            try server.update(id, .running)
            state.id = id
            return id
        }
        let name = URL(fileURLWithPath: directory.path).lastPathComponent
        let id = try server.begin(
            try server.experiment(experiment),
            name: name,
            at: time,
            tags: [
                MLflowServer.Pair(key: "mlflow.source.name", value: "oobleck"),
                MLflowServer.Pair(key: "oobleck.version", value: programVersion),
                MLflowServer.Pair(key: "oobleck.model", value: job.model.name),
            ]
        )
        state.id = id
        let kept = try JSONEncoder().encode(Kept(server: place.text, run: id))
        try AtomicFile.write([UInt8](kept), to: keptPath)
        try server.log(id, [], parameters: MLflowParameters.of(job))
        return id
    }

    private var keptPath: String { directory.path + "/mlflow.json" }

    /// The id that an earlier process of the run got from the same server.
    private var keptID: String? {
        do {
            let bytes = try InputFile.bytes(keptPath, atMost: 1 << 16)
            let kept = try JSONDecoder().decode(Kept.self, from: Data(bytes))
            return kept.server == place.text ? kept.run : nil
        } catch {
            // A run that begins has none.
            return nil
        }
    }

    // MARK: What is told

    /// So many lines that a call has at most ``MLflowServer/mostMetrics``.
    private static let linesOfCall = 50

    /// The numbers of a step, by the names of `metrics.jsonl`.
    static func metrics(_ line: MetricsLine) throws -> [MLflowServer.Metric] {
        let fields = try JSONValue(parsing: Array(line.text.utf8), path: "a line").fields
        let moment = MLflowServer.moment(line.time)
        return (fields?.keys ?? []).compactMap { name in
            guard name != "step", name != "time", let value = fields?[name]?.double else {
                return nil
            }
            return MLflowServer.Metric(key: name, value: value, timestamp: moment, step: line.step)
        }
    }

    private static func status(_ outcome: RunOutcome) -> MLflowServer.Status {
        if case .completed = outcome { .finished } else { .failed }
    }
}

extension HTTPPlace {
    /// As it is kept, to know the server again.
    fileprivate var text: String { "\(isEncrypted ? "https" : "http")://\(address)\(path)" }
}

extension ArraySlice {
    /// The elements in order, `count` at a time.
    fileprivate func chunked(by count: Int) -> [ArraySlice<Element>] {
        stride(from: startIndex, to: endIndex, by: count).map {
            self[$0..<Swift.min($0 + count, endIndex)]
        }
    }
}
