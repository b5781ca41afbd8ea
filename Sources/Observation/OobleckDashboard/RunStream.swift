import HTTPTypes
import Hummingbird
import NIOCore
import OobleckClock
import OobleckCore

/// The parts of a run's page as server-sent events: all of them first, then those that change.
struct RunStream: Sendable {
    /// Time between two looks.
    private static let interval: Seconds = 0.2
    /// A connection over which nothing was sent for so long gets a comment, so that its end is noticed.
    private static let silence: Seconds = 5

    private let watch: RunWatch

    init(_ watch: RunWatch) { self.watch = watch }

    var response: Response {
        Response(
            status: .ok,
            headers: [.contentType: "text/event-stream; charset=utf-8"],
            body: ResponseBody { [self] writer in
                var last = 0
                var sent = MonotonicTime.now
                // Ends with the connection, whose writes fail then, and with the server.
                while !Task.isCancelled {
                    let text: String
                    do {
                        let (look, parts) = try await watch.changes(after: last)
                        last = look
                        text = parts.map { Self.event($0.name, $0.json) }.joined()
                    } catch {
                        let line = (error as? OobleckError)?.message ?? lineForPeople("\(error)")
                        text = Self.event("trouble", try PageJSON.text(["error": line]))
                    }
                    let now = MonotonicTime.now
                    if !text.isEmpty || now - sent >= Self.silence {
                        sent = now
                        let bytes = text.isEmpty ? ": still here\n\n" : text
                        try await writer.write(ByteBuffer(string: bytes))
                    }
                    try await Task.sleep(for: Duration(Self.interval))
                }
                try await writer.finish(nil)
            }
        )
    }

    /// An event; JSON has no line feeds.
    private static func event(_ name: String, _ json: String) -> String {
        "event: \(name)\ndata: \(json)\n\n"
    }
}
