import Foundation
import OobleckCore
import OobleckTestSupport
import Synchronization
import Testing

@testable import OobleckMetrics

@Suite("A program for each event", .timeLimit(.minutes(5)))
struct EventHookTests {
    private final class Complaints: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    @Test("it gets the line on its input, and the run's directory")
    func input() throws {
        let folder = try TemporaryFolder()
        let complaints = Complaints()
        let hook = EventHook(
            "cat > '\(folder.path)/got'; echo \"$OOBLECK_RUN\" >> '\(folder.path)/got'"
        ) {
            complaints.add($0)
        }
        hook.run("{\"kind\":\"node-lost\"}", in: "/runs/mine")
        let got = try String(contentsOfFile: folder.path + "/got", encoding: .utf8)
        #expect(got == "{\"kind\":\"node-lost\"}\n/runs/mine\n")
        #expect(complaints.all.isEmpty)
    }

    @Test("one that fails, one that does not read, and one that does not end do no harm")
    func failures() {
        // As the program does at its start: one of these does not read.
        signal(SIGPIPE, SIG_IGN)
        let complaints = Complaints()
        EventHook("exit 3") { complaints.add($0) }.run("{}", in: "/")
        EventHook("true") { complaints.add($0) }.run(String(repeating: "x", count: 9000), in: "/")
        let hook = EventHook("exec sleep 1000") { complaints.add($0) }
        hook.run("{}", in: "/", limit: 0.2)
        #expect(complaints.all.count == 2, "\(complaints.all)")
        #expect(complaints.all.first == "--on-event ended with status 3")
        #expect(complaints.all.last?.hasSuffix("and was killed") == true)
    }
}
