import Foundation
import Testing

/// `oobleck evaluate` on the laboratory's job, without the figures.
@Suite(.serialized, .timeLimit(.minutes(10))) struct EvaluateCommandTests {
    private struct Part: Decodable {
        let part: Int
        let passed: Bool
        let checks: [Check]

        struct Check: Decodable {
            let claim: String
            let isMet: Bool
        }
    }

    private func parts(_ lab: Laboratory) throws -> [Part] {
        let data = try Data(contentsOf: URL(fileURLWithPath: lab.path("out/checks.json")))
        return try JSONDecoder().decode([Part].self, from: data)
    }

    @Test("plans and live training pass, on a page, and leave no process")
    func passes() throws {
        let lab = try Laboratory()
        let outcome = try lab.run([
            "evaluate", "--output", lab.path("out"), "--job", lab.path("job.yaml"), "--parts",
            "2,3,4", "--steps", "10", "--profile", lab.path("profile.json"),
        ])
        #expect(outcome.status == 0, "\(outcome.errors)\n\(outcome.output)")
        let parts = try parts(lab)
        #expect(parts.map(\.part) == [2, 3, 4])
        #expect(parts.filter { !$0.passed }.isEmpty)
        #expect(parts.map(\.checks.count) == [14, 18, 4])
        let page = try String(contentsOfFile: lab.path("out/index.html"), encoding: .utf8)
        // Four published examples and three kills.
        #expect(page.components(separatedBy: "<svg").count - 1 == 7)
        #expect(outcome.output.contains("part 3: PASS: 18 checks"))
        #expect(waitUntil(5) { (try? lab.orphans().isEmpty) == true })
    }

    @Test("an interruption while nodes train ends the evaluation, and every process")
    func interrupted() throws {
        let lab = try Laboratory()
        let running = try lab.start([
            "evaluate", "--output", lab.path("out"), "--job", lab.path("job.yaml"), "--parts", "4",
            "--steps", "100000", "--profile", lab.path("profile.json"),
        ])
        // The undisturbed run is one process beside the command, and would take an hour.
        #expect(waitUntil(60) { (try? lab.orphans().count >= 2) == true })
        running.signal(SIGINT)
        let outcome = try running.wait(deadline: 60)
        #expect(outcome.status == 75, "\(outcome.status): \(outcome.errors)")
        #expect(waitUntil(5) { (try? lab.orphans().isEmpty) == true })
    }

    @Test("a part that cannot be trained falls short: status 70, the page says why")
    func fallsShort() throws {
        let lab = try Laboratory()
        try lab.edit { $0.replacing("corpus.txt", with: "absent.txt") }
        let outcome = try lab.run([
            "evaluate", "--output", lab.path("out"), "--job", lab.path("job.yaml"), "--parts", "4",
        ])
        #expect(outcome.status == 70, "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1)
        #expect(outcome.errors.contains("absent.txt"))
        #expect(try parts(lab).map(\.passed) == [false])
        let page = try String(contentsOfFile: lab.path("out/index.html"), encoding: .utf8)
        #expect(page.contains("Part 4 fell short"))
    }

    @Test(
        "options that make no sense are refused in one line",
        arguments: [
            (["--parts", "1,6"], 64, "from 1 to 5"), (["--parts", ""], 64, "from 1 to 5"),
            (["--steps", "3"], 64, "at least 10"), (["--trials", "0"], 64, "at least 1"),
            (["--parts", "5", "--traces", "/nowhere"], 65, "/nowhere"),
        ] as [([String], Int32, String)]
    )
    func refused(options: [String], status: Int32, says: String) throws {
        let lab = try Laboratory()
        let outcome = try lab.run(["evaluate", "--output", lab.path("out")] + options)
        #expect(outcome.status == status, "\(outcome.errors)")
        #expect(outcome.errors.contains(says), "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    }
}
