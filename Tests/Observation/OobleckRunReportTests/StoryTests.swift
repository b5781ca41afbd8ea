import Foundation
import OobleckCore
import OobleckTestSupport
import Testing

@testable import OobleckRunReport

@Suite("What a run's page is made of", .timeLimit(.minutes(5)))
struct StoryTests {
    private typealias Fixture = StoryFixture

    @Test("all time between the first event and the last is used for something, once")
    func use() {
        let use = TimeUse(Fixture.lossAndJoin)
        #expect(use.seconds[.starting] == 3)
        #expect(use.seconds[.training] == 12)
        #expect(use.seconds[.givenUp] == 1 && use.seconds[.recovering] == 2)
        #expect(use.seconds[.replanning] == 1 && use.seconds[.finishing] == 1)
        #expect(use.total == 20)
        #expect(use.attempts.map(\.step) == [2] && use.attempts.map(\.took) == [1])
    }

    @Test("steps that a checkpoint took back are redone time, not training")
    func restored() {
        let record = RestoreRecord(
            fromStep: 2,
            step: 1,
            stateSHA256: "",
            reason: "lost",
            total: 1,
            load: 1,
            loadedBytes: 1
        )
        let use = TimeUse([
            Fixture.event(0, 0, 0, .resumed(0)), Fixture.event(0, 0, 0, .resumed(0)),
            Fixture.event(2, 0, 1, Fixture.committed(0)),
            Fixture.event(5, 0, 2, Fixture.committed(1)),
            Fixture.event(6, 0, 2, .nodeLost(1, .outOfMemory(evidence: "oom"))),
            Fixture.event(6, 0, 2, .waitingForNodes(reason: "none left")),
            Fixture.event(16, 1, 1, .restored(record)), Fixture.event(17, 1, 1, .resumed(1)),
            Fixture.event(20, 1, 2, Fixture.committed(1)), Fixture.event(20, 1, 2, .finished),
        ])
        #expect(use.seconds[.training] == 5 && use.seconds[.redone] == 3)
        #expect(use.seconds[.givenUp] == 1 && use.seconds[.waiting] == 11)
        #expect(use.total == 20)
    }

    @Test("a lane tells the pipelines of a node, its recovery and its end")
    func lanes() throws {
        let lanes = NodeLane.lanes(Fixture.lossAndJoin)
        #expect(lanes.map(\.node) == [0, 1, 2, 3])
        let first = lanes[1].spans
        #expect(
            first.map(\.activity) == [
                .waiting, .training(pipeline: 1, stage: 0), .recovering,
                .training(pipeline: 0, stage: 1), .training(pipeline: 0, stage: 1),
            ]
        )
        #expect(first.map(\.start) == [100, 103, 108, 110, 117])
        #expect(first.last?.end == 120)
        #expect(lanes[2].spans.last?.end == 108)
        guard case .lost("reported") = lanes[2].end?.how else {
            Issue.record("\(String(describing: lanes[2].end))")
            return
        }
        #expect(lanes[3].spans.map(\.activity) == [.waiting, .training(pipeline: 0, stage: 2)])
    }

    @Test("plans of files that do not say their nodes still show who trains")
    func withoutLayout() {
        let lanes = NodeLane.lanes([
            Fixture.event(0, 0, 0, .nodeJoined(0, agentPID: 1)),
            Fixture.event(1, 0, 0, Fixture.planned(0, nil)), Fixture.event(2, 0, 0, .resumed(0)),
            Fixture.event(3, 0, 1, Fixture.committed(0)),
        ])
        #expect(lanes[0].spans.map(\.activity) == [.waiting, .training(pipeline: nil, stage: nil)])
    }

    @Test("the time between a stop and the resumption is no time of the run")
    func clock() {
        let clock = StoryClock([
            Fixture.event(10, 0, 0, .resumed(0)), Fixture.event(20, 0, 1, Fixture.committed(0)),
            Fixture.event(30, 0, 1, .stopped(reason: "asked")),
            Fixture.event(1000, 0, 1, .restarted(term: 2, decay: nil)),
            Fixture.event(1010, 0, 2, Fixture.committed(1)),
        ])
        #expect(clock.total == 30)
        #expect(clock.elapsed(5) == 0 && clock.elapsed(25) == 15)
        #expect(clock.elapsed(500) == 20 && clock.elapsed(1005) == 25)
        #expect(clock.breaks == [20])
    }

    @Test("the page of any run holds together, names no other file, and escapes what runs say")
    func page() {
        var story = RunStory(name: "a<b>", job: Fixture.job(), events: Fixture.lossAndJoin)
        story.config = "key: </pre><script>"
        for step in 0..<5 {
            story.steps.append(
                CommittedStep(
                    step: step,
                    generation: 0,
                    firstSample: 2 * step,
                    endSample: 2 * step + 2,
                    loss: 3 - 0.1 * Double(step),
                    gradientNorm: 1
                )
            )
        }
        for events in [story.events, [], Array(story.events.prefix(1))] {
            story.events = events
            let html = RunPage(story, date: "today").html
            #expect(html.hasSuffix("</html>\n"))
            #expect(!html.contains("<script") && !html.contains("<b>why</b>"))
            for word in ["http://", "https://", "src=", "url(h", "@import"] {
                #expect(!html.contains(word), "\(word)")
            }
            for tag in ["section", "div", "table", "svg", "dl", "figure", "ol", "p", "span"] {
                let opened = html.ranges(of: "<\(tag)>").count + html.ranges(of: "<\(tag) ").count
                #expect(opened == html.ranges(of: "</\(tag)>").count, "\(tag)")
            }
        }
    }

    @Test("jobs are compared key by key, losses bit by bit")
    func comparison() {
        var (first, second) = (
            RunStory(name: "a", job: Fixture.job()), RunStory(name: "b", job: Fixture.job())
        )
        for step in 0..<10 {
            let committed = CommittedStep(
                step: step,
                generation: 0,
                firstSample: 0,
                endSample: 1,
                loss: 1 / Double(step + 1),
                gradientNorm: 1
            )
            first.steps.append(committed)
            second.steps.append(committed)
        }
        second.steps[7].loss += 1e-15
        second.steps.removeLast()
        let differences = RunComparison.differences(
            ["x": "1", "y": "2", "z": "3"],
            ["x": "1", "y": "5", "w": "4"]
        )
        let comparison = RunComparison(
            (first, second),
            paths: ("a", "b"),
            job: differences
        )
        #expect(comparison.job.map(\.key) == ["w", "y", "z"])
        #expect(comparison.commonSteps == 9 && comparison.equalSteps == 7)
        #expect(comparison.losses.first?.step == 1 && comparison.losses.last?.step == 9)
        #expect(comparison.isSameState == nil)
    }
}
