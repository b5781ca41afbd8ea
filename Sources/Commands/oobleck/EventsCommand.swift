import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckSimulationCommands
import OobleckText
import OobleckTransport

/// `oobleck events`.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Show what happened in a run.",
        discussion: """
            With --format json, one object a line, as in events.jsonl: time (seconds since 1970), \
            monotonic (seconds since the machine's start), kind, generation, step, node (if one is \
            concerned), fields (by kind: Documentation/Events.md) and message.
            A run on other machines is followed at its coordinator: oobleck events --follow \
            --coordinator HOST:PORT --token-file FILE shows what happens from then on.
            """
    )

    @Argument(help: "The run's directory; left out with --coordinator.")
    var runDirectory: String?

    @OptionGroup var watch: WatchOptions

    @Flag(help: "Go on with new events until the run is over.")
    var follow = false

    @Option(help: "How to print.")
    var format = OutputFormat.text

    func validate() throws {
        try watch.validate(runDirectory)
        guard watch.coordinator == nil || follow else {
            throw ValidationError(
                "A coordinator tells what happens from now on: add --follow, or name the run directory."
            )
        }
    }

    func run() async throws {
        guard let runDirectory else {
            return try await watch.client().watch { update in
                guard case .event(let event) = update else { return Console.hasReader }
                try Console.result(text(event))
                return Console.hasReader
            }
        }
        let directory = try RunDirectory.open(path: runDirectory)
        // A run has this file from its start.
        _ = try OpenFile(directory.eventsPath, for: .readBack)
        var events = LineFollower(directory.eventsPath)
        while true {
            // Asked first: what a run wrote before it ended is read below.
            let isRunning = directory.isRunning
            for line in try events.newLines() {
                try Console.result(text(TimedEvent.parsing(line)))
            }
            guard follow, isRunning, Console.hasReader else { return }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func text(_ timed: TimedEvent) -> String {
        guard format == .text else { return timed.text }
        return "\(timed.localTime) \(timed.event.kind.rawValue): \(timed.event.message)"
            .folded(limit: Console.lineLimit)
    }
}
