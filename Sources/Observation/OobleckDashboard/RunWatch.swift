import Dispatch
import Foundation
import OobleckClock
import OobleckCore
import OobleckRunFiles
import Synchronization

/// One run that pages look at.
///
/// Files are read when a page asks, on a queue of its own, and once for all pages.
/// Nothing is kept for a page that is slow: it asks for what has changed since its last answer, and gets the
/// newest state of each part.
final class RunWatch: Sendable {
    /// A part of the page as JSON.
    struct Part: Sendable {
        var name: String
        var json: String
        /// The number of the look that changed it.
        var changed: Int
    }

    /// The shortest time between two looks at the files.
    static let interval: Seconds = 0.15
    /// The share of a processor that looking may take: a long run is looked at less often.
    private static let greatestShare = 0.1

    private struct State {
        var run: FollowedRun?
        var parts: [String: Part] = [:]
        var looks = 0
        /// When to look again.
        var due: Seconds = 0
    }

    let path: String
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "oobleck.dashboard.run", qos: .utility)

    /// Follows the run in the directory at `path`.
    init(_ path: String) { self.path = path }

    /// Parts that changed after the look `last`, in the order of their names, and the number of the newest look.
    ///
    /// Throws one line when the run cannot be read.
    func changes(after last: Int) async throws -> (look: Int, parts: [Part]) {
        try await onQueue { [self] in
            try state.withLock { state in
                try look(&state)
                let parts = state.parts.values.filter { $0.changed > last }
                return (state.looks, parts.sorted { $0.name < $1.name })
            }
        }
    }

    /// Events that fit a query.
    func events(_ query: EventQuery) async throws -> EventPage {
        try await onQueue { [self] in
            try state.withLock { state in
                try look(&state)
                return EventPage(query, state.run?.model ?? RunModel())
            }
        }
    }

    /// Reads what is new; what goes wrong is a part of the page until it is over.
    private func look(_ state: inout sending State) throws {
        let start = MonotonicTime.now
        guard start >= state.due else { return }
        // Only of a run that is none, there is nothing to show.
        var run = try state.run ?? FollowedRun(RunDirectory.open(path: path))
        state.run = nil
        state.looks += 1
        do {
            let isNew = try run.update() || state.looks == 1
            // Of a run that is at work, times grow without news.
            if isNew || run.isRunning {
                for (name, value) in run.sections(now: Date().timeIntervalSince1970) {
                    try note(name, value, &state)
                }
            }
            try note("trouble", [String: String](), &state)
        } catch {
            let line = (error as? OobleckError)?.message ?? lineForPeople("\(error)")
            try note("trouble", ["error": line], &state)
        }
        state.run = run
        let took = MonotonicTime.now - start
        state.due = start + max(Self.interval, Seconds(took.value / Self.greatestShare))
    }

    private func note(
        _ name: String,
        _ value: any Encodable,
        _ state: inout sending State
    ) throws {
        let json = try PageJSON.text(value)
        guard state.parts[name]?.json != json else { return }
        state.parts[name] = Part(name: name, json: json, changed: state.looks)
    }

    private func onQueue<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result { try body() }) }
        }
    }
}

/// JSON for the page.
enum PageJSON {
    static func text(_ value: any Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
