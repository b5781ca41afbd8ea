import ArgumentParser
import Foundation
import OobleckConsole
import OobleckCore
import OobleckData
import OobleckRun

/// `oobleck events`.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Show what happened in a run."
    )

    @Argument(help: "The run's directory.")
    var runDirectory: String

    @Flag(help: "Go on with new events until the run is over.")
    var follow = false

    func run() async throws {
        let directory = try RunDirectory.open(path: runDirectory)
        let file = try OpenFile(directory.eventsPath, for: .readBack)
        var position = 0
        var rest: [UInt8] = []
        while true {
            // Asked first: what a run wrote before it ended is read below.
            let isRunning = directory.isRunning
            let new = try file.rest(from: position)
            position += new.count
            rest += new
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: rest[..<end], as: UTF8.self)
                rest.removeSubrange(...end)
                try Console.result(Self.text(TimedEvent.parsing(line)))
            }
            guard follow, isRunning, Console.hasReader else { return }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private static func text(_ timed: TimedEvent) -> String {
        "\(timed.localTime) \(timed.event.kind.rawValue): \(timed.event.message)"
    }
}
