import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite("The dashboard's options", .timeLimit(.minutes(5)))
struct DashboardOptionTests {
    @Test(
        "an address that others reach, or that is none, and a folder without runs are refused in one line",
        arguments: [
            (
                ["train", "job.yaml", "--dashboard-listen", "0.0.0.0:8265"], Int32(64),
                "loopback only"
            ),
            (["train", "job.yaml", "--dashboard-listen", "8265"], 64, "--dashboard-listen"),
            (["dashboard", ".", "--listen", "10.0.0.7:8265"], 64, "loopback only"),
            (["dashboard", "none"], 65, "there is no folder"),
            (["dashboard", ".", "--token-file", "none"], 65, "none"),
        ]
    )
    func refused(_ arguments: [String], _ status: Int32, _ words: String) throws {
        let laboratory = try Laboratory()
        let outcome = try laboratory.run(
            arguments.map { ["job.yaml", ".", "none"].contains($0) ? laboratory.path($0) : $0 }
        )
        #expect(outcome.status == status && outcome.errors.contains(words), "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    }
}

@Suite(
    "The dashboard in a real browser",
    .serialized,
    .timeLimit(.minutes(5)),
    .enabled(if: Browser.isThere, "Chromium is not installed (Debian: chromium)")
)
struct DashboardTests {
    /// The number after a name in the tiles.
    private static func tile(_ name: String) -> String {
        "[...document.querySelectorAll('.tiles div')].find(e => e.querySelector('dt').textContent "
            + "=== '\(name)')?.querySelector('dd').firstChild.textContent"
    }

    private static let isConnected = "document.querySelector('.link.good')"

    @Test(
        "a node that is killed is shown without a reload; nodes are drained and added, and the run is stopped"
    )
    func live() throws {
        let laboratory = try Laboratory()
        let running = try laboratory.start(
            laboratory.trainArguments("run", ["--steps", "100000", "--dashboard", "--no-report"])
        )
        defer { running.signal(SIGKILL) }
        try #require(waitUntil(60) { laboratory.status("run")?.step ?? 0 >= 3 })
        let linkPath = laboratory.path("run/dashboard")
        let link = try String(contentsOfFile: linkPath, encoding: .utf8)
            .trimmingCharacters(in: .newlines)
        let attributes = try FileManager.default.attributesOfItem(atPath: linkPath)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        let token = try #require(link.components(separatedBy: "#token=").last)
        #expect(token.count == 64 && !running.output.contains(token), "\(running.output)")

        let browser = try Browser()
        try browser.open(link)
        try #require(try browser.waits(20, until: Self.isConnected))
        #expect(try browser.text("location.href.includes('token')") == "false")
        // A mark that a reload would remove.
        _ = try browser.text("window.wasHere = true")
        try #require(try browser.waits(10, until: "\(Self.tile("nodes")) === '6'"))
        let before = try browser.text(Self.tile("nodes lost"))
        #expect(before == "0")

        let worker = try #require(
            laboratory.status("run")?.nodes.first { $0.id == 2 }?.workerPIDs.first
        )
        kill(pid_t(worker), SIGKILL)
        #expect(try browser.waits(10, until: "\(Self.tile("nodes lost")) === '1'"))
        #expect(try browser.waits(10, until: "document.querySelector('.sign.bad')"))
        #expect(
            try browser.waits(10, until: "document.querySelectorAll('.recoveries li').length === 1")
        )
        #expect(
            try browser.text("document.querySelector('.recoveries').textContent").contains(
                "node 2 lost"
            )
        )
        #expect(try browser.text("window.wasHere") == "true")

        try checkButtons(browser, laboratory)
        running.signal(0)
        let outcome = try running.wait(deadline: 60)
        #expect(
            outcome.status == 75 && outcome.errors.contains("stopped from the dashboard"),
            "\(outcome.errors)"
        )
        #expect(!FileManager.default.fileExists(atPath: linkPath))
        for name in ["events.jsonl", "launch.json", "config.yaml"] {
            let text = try String(contentsOfFile: laboratory.path("run/\(name)"), encoding: .utf8)
            #expect(!text.contains(token), "\(name) has the token")
        }
    }

    /// Drains and adds a node and stops the run, each after a question.
    private func checkButtons(_ browser: Browser, _ laboratory: Laboratory) throws {
        _ = try browser.text("location.hash = '#/run/run/nodes'")
        try #require(try browser.waits(10, until: "document.querySelector('[data-drain=\"5\"]')"))
        try browser.click("[data-drain=\"5\"]")
        #expect(try browser.text("document.querySelector('dialog').open") == "true")
        try browser.click("dialog [value=no]")
        #expect(try browser.text("document.querySelector('dialog').open") == "false")
        #expect(try laboratory.events("run", .nodeDrained).isEmpty)
        try browser.click("[data-drain=\"5\"]")
        try browser.click("#question-yes")
        #expect(try browser.waits(20, until: "document.querySelector('.state.drained')"))
        #expect(try laboratory.events("run", .nodeDrained).map(\.node) == [5])
        try browser.click("#add")
        try browser.click("#question-yes")
        #expect(try browser.waits(40, until: "document.querySelector('[data-drain=\"6\"]')"))
        // The events can be filtered.
        _ = try browser.text("location.hash = '#/run/run/events'")
        try #require(
            try browser.waits(10, until: "document.querySelector('option[value=node-lost]')")
        )
        _ = try browser.text(
            "(s => { s.value = 'node-lost'; s.dispatchEvent(new Event('change')) })(document.querySelector('select'))"
        )
        #expect(
            try browser.waits(
                10,
                until: "document.querySelectorAll('.events tbody tr').length === 1"
            )
        )
        try browser.click("#stop")
        try browser.click("#question-yes")
    }

    @Test("a wrong token gets nothing, and a finished run is shown with its log, read-only")
    func finished() throws {
        let laboratory = try Laboratory()
        let trained = try laboratory.train(
            "run",
            ["--fault", "node=2,point=mid-forward,step=4,target=worker"]
        )
        try #require(trained.status == 0, "\(trained.errors)")
        let serving = try laboratory.start(["dashboard", laboratory.folder, "--read-only"])
        defer { serving.signal(SIGKILL) }
        try #require(waitUntil(20) { serving.output.contains("\n") })
        let link = serving.output.trimmingCharacters(in: .newlines)
        let browser = try Browser()
        try browser.open(link.replacing(/token=.*/, with: "token=0123456789abcdef"))
        try #require(try browser.waits(20, until: "document.getElementById('refused')"))
        #expect(
            try browser.text("document.querySelector('main').textContent").contains(
                "the token is missing or another"
            )
        )
        #expect(try browser.text("document.querySelectorAll('table, svg').length") == "0")
        try browser.open(link)
        try #require(try browser.waits(20, until: "document.querySelector('td a')"))
        try browser.click("td a")
        try #require(try browser.waits(20, until: Self.isConnected))
        #expect(try browser.waits(10, until: "document.querySelector('.pill.finished')"))
        #expect(
            try browser.waits(10, until: "document.querySelectorAll('.chart polyline').length >= 2")
        )
        #expect(try browser.text("document.querySelector('.buttons').hidden") == "true")
        // Nothing is wider than a phone.
        try browser.resize(400, 800)
        #expect(try browser.waits(5, until: "document.documentElement.scrollWidth <= 400"))
        serving.signal(SIGTERM)
        #expect(try serving.wait(deadline: 10).status != 0)
        #expect(try browser.waits(20, until: "document.querySelector('.link.bad')"))
    }
}
