import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckRunReport
import OobleckTestSupport
import Testing

@testable import OobleckDashboard

@Suite("What a dashboard knows of a run", .timeLimit(.minutes(5)))
struct RunModelTests {
    private static func model(_ events: [TimedEvent]) -> RunModel {
        var model = RunModel()
        for event in events { model.note(event) }
        return model
    }

    private static func clock(_ model: RunModel, until now: Double? = nil) -> StoryClock {
        StoryClock(model.skeleton, until: now)
    }

    @Test("losses, marks and recoveries come from the events")
    func events() throws {
        let model = Self.model(MadeUpRun.lossAndJoin)
        #expect(model.loss.training == [[1, 4], [2, 3], [3, 2]])
        #expect(model.loss.marks.map(\.kind) == ["node-lost", "node-joined"])
        #expect(model.lostCount == 1 && model.joinedCount == 1)
        let recovery = try #require(model.recoverySection(Self.clock(model)).recoveries.first)
        #expect(recovery.nodes == [1] && recovery.total == 2)
        for (phase, known) in zip(recovery.phases, [0.5, 0.1, 0.2, 0.3, 0.9]) {
            #expect(abs(phase - known) < 1e-4)
        }
        // From the commit at 107 to the loss at 108.
        #expect(recovery.given == 1)
    }

    @Test("what a living node does lasts until now, and that of a lost one until its loss")
    func lanes() throws {
        let model = Self.model(MadeUpRun.lossAndJoin)
        let lanes = model.lanes(Self.clock(model, until: 120), until: 120).lanes
        #expect(lanes.map(\.node) == [0, 1, 2])
        #expect(
            lanes[0].spans == [[-1, 0, 3, -1], [0, 3, 8, 0], [-2, 8, 10, 0], [0, 10, -1, 1]]
        )
        #expect(lanes[1].spans == [[-1, 0, 3, -1], [1, 3, 8, 0]])
        #expect(lanes[1].end?.how == "lost" && lanes[1].end?.time == 8)
        #expect(lanes[2].spans == [[-1, 13.5, -1, -1]])
        // The next second changes nothing that has to be sent.
        let texts = try [120.0, 121].map {
            try PageJSON.text(model.lanes(Self.clock(model, until: $0), until: $0))
        }
        #expect(texts[0] == texts[1])
    }

    @Test("after a return to a checkpoint, steps that were taken back are gone")
    func restored() throws {
        var model = Self.model(MadeUpRun.lossAndJoin)
        let record = RestoreRecord(
            fromStep: 3,
            step: 1,
            stateSHA256: "",
            reason: "why",
            total: 1,
            load: 1,
            loadedBytes: 1
        )
        model.note(MadeUpRun.event(115, 2, 1, .restored(record)))
        #expect(model.loss.training == [[1, 4]])
        model.note(MadeUpRun.event(117, 2, 2, MadeUpRun.committed(1, loss: 5)))
        #expect(model.loss.training == [[1, 4], [2, 5]])
        for step in 1...4 {
            model.note(MadeUpRun.line(step, at: Double(step), took: 1, rate: 1))
        }
        model.note(MadeUpRun.line(2, at: 5, took: 1, rate: 7))
        #expect(model.measured.map(\.step) == [1, 2])
    }

    @Test("throughput counts a step for the time in which it was computed")
    func speed() {
        var model = Self.model([MadeUpRun.event(0, 0, 0, .resumed(0))])
        // 10 tokens a second until 20 s, nothing until 30 s, then 20 a second until 40 s.
        for (step, time) in [(1, 10.0), (2, 20)] {
            model.note(MadeUpRun.line(step, at: time, took: 10, rate: 10))
        }
        model.note(MadeUpRun.line(3, at: 40, took: 10, rate: 20))
        let speed = model.speed(Self.clock(model, until: 40), unit: "tokens")
        let perSecond = Int((1 / speed.width).rounded())
        #expect(speed.rates.count == 40 * perSecond)
        #expect(speed.rates[5 * perSecond] == 10)
        #expect(speed.rates[25 * perSecond] == 0)
        #expect(speed.rates[35 * perSecond] == 20)
    }

    @Test("the time that is left includes recoveries between the last steps")
    func timeLeft() throws {
        var model = RunModel()
        #expect(model.timeLeft(of: 10) == nil)
        // Four steps of a second, and one that came after a recovery of six.
        for (step, time) in [(1, 1.0), (2, 2), (3, 9), (4, 10), (5, 11)] {
            model.note(MadeUpRun.line(step, at: time, took: 1, rate: 1))
        }
        #expect(try #require(model.timeLeft(of: 10)) == 10.0 / 4 * 5)
        #expect(model.timeLeft(of: 5) == 0)
    }

    @Test("what is kept for lanes does not grow with the steps")
    func skeleton() {
        var model = Self.model(MadeUpRun.lossAndJoin)
        let count = model.skeleton.count
        for step in 3..<5000 {
            model.note(MadeUpRun.event(120 + Double(step), 1, step + 1, MadeUpRun.committed(step)))
        }
        #expect(model.skeleton.count <= count + 1)
        // The run lived until the last commit.
        #expect(Self.clock(model).total == 120 + 4999 - 100)
    }
}
