import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite("Seeing a run", .serialized, .timeLimit(.minutes(5)))
struct ObservationTests {
    @Test("a run with a loss leaves a line of metrics for each step, a page, and a place in lists")
    func records() throws {
        let laboratory = try Laboratory()
        let arguments = ["--fault", "node=2,point=mid-forward,step=4,target=worker"]
        let trained = try laboratory.train("run", arguments)
        try #require(trained.status == 0, "\(trained.errors)")
        let directory = try RunDirectory.open(path: laboratory.path("run"))
        let lines = try MetricsFile.lines(of: directory)
        #expect(lines.map(\.step) == Array(1...Laboratory.steps))
        for line in lines {
            let step = try #require(line.stepTime?.value)
            let parts = [line.compute, line.wait, line.synchronization, line.update]
            let known = parts.compactMap { $0?.value }
            #expect(known.count == 4 && known.allSatisfy { $0 >= 0 }, "\(line.text)")
            // Clocks of the workers and of the coordinator are read at moments of their own.
            #expect(known.reduce(0, +) <= step * 1.05 + 0.02, "\(line.text)")
            #expect((line.compute?.value ?? 0) > 0 && (line.memory?.value ?? 0) > 1 << 20)
            #expect(line.loss != nil && line.learningRate != nil && line.gradientNorm != nil)
            #expect(line.samples == 16 * line.step && line.tokens == 16 * 64 * line.step)
        }
        #expect(lines.first?.nodes == 6 && lines.last?.nodes == 5)
        let page = try String(contentsOfFile: directory.reportPath, encoding: .utf8)
        #expect(page.contains("Finished: all 8 steps are committed, 1 node lost on the way"))
        #expect(page.contains("Step 4, node 2 lost:") && page.contains("class=\"box p1\""))
        let again = try laboratory.run([
            "report", directory.path, "--to", laboratory.path("p.html"),
        ])
        #expect(again.status == 0 && again.output.hasSuffix("wrote \(laboratory.path("p.html"))\n"))
        try checkRuns(laboratory)
    }

    /// Lists, compares and removes the run and another that lost no node.
    private func checkRuns(_ laboratory: Laboratory) throws {
        let other = try laboratory.train("other", ["--no-report"])
        try #require(other.status == 0, "\(other.errors)")
        let directory = try RunDirectory.open(path: laboratory.path("other"))
        #expect(!FileManager.default.fileExists(atPath: directory.reportPath))
        let list = try laboratory.run(["runs", laboratory.folder, "--state", "finished"])
        #expect(list.output.split(separator: "\n").count == 3, "\(list.output)")
        let running = try laboratory.run(["runs", laboratory.folder, "--state", "running"])
        #expect(running.output == "none of the 2 runs in \(laboratory.folder) is of that kind\n")
        let compared = try laboratory.run([
            "runs", "compare", laboratory.path("run"), laboratory.path("other"), "--format", "json",
        ])
        let comparison = try #require(
            JSONSerialization.jsonObject(with: Data(compared.output.utf8)) as? [String: Any]
        )
        #expect(comparison["is_same_state"] as? Bool == true)
        #expect(comparison["equal_steps"] as? Int == Laboratory.steps)
        let unsure = try laboratory.run(["runs", "remove", laboratory.path("other")])
        #expect(unsure.status == 64 && unsure.errors.contains("--yes"))
        let removed = try laboratory.run(["runs", "remove", "--yes", laboratory.path("other")])
        #expect(removed.status == 0)
        #expect(!FileManager.default.fileExists(atPath: directory.path))
    }

    @Test("promtool accepts what --metrics-listen serves, and a port in use is refused in one line")
    func prometheus() throws {
        let laboratory = try Laboratory()
        let port = try Self.freePort()
        let address = "127.0.0.1:\(port)"
        let agents = try Self.freePort()
        let running = try laboratory.start(
            laboratory.trainArguments(
                "run",
                ["--steps", "2000", "--metrics-listen", address, "--no-report"]
                    + ["--agent-metrics-port", "\(agents)"]
            )
        )
        defer { running.signal(SIGKILL) }
        try #require(waitUntil(60) { laboratory.status("run")?.step ?? 0 >= 3 })
        let metrics = try Self.fetch("http://\(address)/metrics")
        #expect(metrics.contains("\noobleck_nodes{state=\"healthy\"} 6\n"))
        #expect(metrics.contains("\noobleck_phase{phase=\"training\"} 1\n"))
        #expect(try Self.fetch("http://\(address)/healthz").hasPrefix("training, step "))
        let agent = try Self.fetch("http://127.0.0.1:\(agents)/metrics")
        #expect(agent.contains("\noobleck_agent_workers 1\n"))
        #expect(agent.contains("\noobleck_agent_phase{phase=\"connected\"} 1\n"))
        #expect(try Self.fetch("http://127.0.0.1:\(agents)/healthz") == "node 0, connected\n")
        let busy = try laboratory.train("second", ["--metrics-listen", address])
        #expect(busy.status == 64 && busy.errors.contains("cannot serve metrics at \(address)"))
        #expect(busy.errors.split(separator: "\n").count == 1, "\(busy.errors)")
        running.signal(SIGINT)
        let outcome = try running.wait(deadline: 60)
        #expect(outcome.status == 75, "\(outcome.errors)")
        try Self.check(metrics)
        try Self.check(agent)
    }

    @Test(
        "an address that is none is refused in one line",
        arguments: ["9464", "localhost", "a:b"]
    )
    func usage(_ address: String) throws {
        let laboratory = try Laboratory()
        let refused = try laboratory.train("run", ["--metrics-listen", address])
        #expect(refused.status == 64 && refused.errors.contains("--metrics-listen"))
        #expect(refused.errors.split(separator: "\n").count == 1, "\(refused.errors)")
    }

    /// Has promtool read the answer, where it is installed.
    private static func check(_ metrics: String) throws {
        let path = "/usr/bin/promtool"
        guard FileManager.default.isExecutableFile(atPath: path) else {
            print(
                "promtool is not installed (Debian: prometheus): its check of the format is left out"
            )
            return
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["check", "metrics"]
        let (input, output) = (Pipe(), Pipe())
        (process.standardInput, process.standardError) = (input, output)
        process.standardOutput = output
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(metrics.utf8))
        try input.fileHandleForWriting.close()
        let said = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(String(decoding: said, as: UTF8.self))")
    }

    private static func fetch(_ address: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
        process.arguments = ["--silent", "--max-time", "20", address]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

    /// A port that was free a moment ago.
    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                try #require(bind(descriptor, pointer, length) == 0)
                try #require(getsockname(descriptor, pointer, &length) == 0)
            }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
