import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckRunReport
import OobleckTestSupport
import Testing

@testable import OobleckDashboard

@Suite("The page of a large run is bounded", .timeLimit(.minutes(5)))
struct BoundTests {
    /// Bytes that one part may have, and all together.
    private static let mostOfPart = 400_000
    private static let mostOfAll = 600_000

    /// Steps of a run of 200 nodes in which `losses` nodes are lost and return.
    private static func model(steps: Int, nodes: Int, losses: Int) -> RunModel {
        var model = RunModel()
        var time = 1000.0
        var generation = 0
        func layout(without lost: Int?) -> [[NodeID]] {
            let all = (0..<nodes).filter { $0 != lost }.map { NodeID($0) }
            return stride(from: 0, to: all.count, by: 5).map {
                Array(all[$0..<min($0 + 5, all.count)])
            }
        }
        func note(_ step: Int, _ content: RunEvent.Content) {
            model.note(MadeUpRun.event(time, generation, step, content))
        }
        for node in 0..<nodes { note(0, .nodeJoined(NodeID(node), agentPID: node)) }
        note(0, MadeUpRun.planned(0, layout(without: nil)))
        note(0, .resumed(0))
        for step in 0..<steps {
            if losses > 0, step % max(1, steps / losses) == 0, step > 0 {
                let lost = (step / max(1, steps / losses)) % nodes
                note(step, .nodeLost(NodeID(lost), .reported(evidence: "killed")))
                note(step, .aborted(Generation(generation), reason: "lost node \(lost)"))
                generation += 1
                note(step, MadeUpRun.planned(generation, layout(without: lost)))
                time += 0.3
                note(step, MadeUpRun.recovered(step: step, [NodeID(lost)]))
            }
            time += 1
            let noise = Double(step * 7919 % 1000) / 1000
            note(step + 1, MadeUpRun.committed(step, loss: 5 / (1 + Double(step) / 500) + noise))
            model.note(MadeUpRun.line(step + 1, at: time, took: 1, rate: 1000 + 100 * noise))
        }
        return model
    }

    private static func sizes(_ model: RunModel, now: Double) throws -> [String: Int] {
        let clock = StoryClock(model.skeleton, until: now)
        let parts: [String: any Encodable] = [
            "loss": model.loss, "speed": model.speed(clock, unit: "tokens"),
            "lanes": model.lanes(clock, until: now),
            "recoveries": model.recoverySection(clock),
            "events": EventPage(EventQuery(), model),
        ]
        return try parts.mapValues { try PageJSON.text($0).utf8.count }
    }

    @Test("10,000 steps of 200 nodes with many losses", arguments: [0, 20, 1000])
    func large(losses: Int) throws {
        let model = Self.model(steps: 10_000, nodes: 200, losses: losses)
        let sizes = try Self.sizes(model, now: 1000 + 20_000)
        for (name, size) in sizes {
            #expect(size <= Self.mostOfPart, "\(name) has \(size) bytes")
        }
        #expect(sizes.values.reduce(0, +) <= Self.mostOfAll, "\(sizes)")
        #expect(model.loss.training.count <= RunModel.mostPoints + 2)
        // What is left out is short: the rows still tell what nodes did most of the time.
        let section = model.lanes(StoryClock(model.skeleton, until: 12_000), until: 12_000)
        let spans = section.lanes.flatMap(\.spans)
        let ends = spans.map { $0[2] < 0 ? 11_000 : $0[2] }
        let times = zip(spans, ends).map { (isTraining: $0[0] >= 0, time: $1 - $0[1]) }
        let all = times.reduce(0) { $0 + $1.time }
        let training = times.filter(\.isTraining).reduce(0) { $0 + $1.time }
        #expect(training > (losses > 100 ? 0.5 : 0.95) * all, "\(training) of \(all)")
    }

    @Test("the least and the greatest loss survive the thinning")
    func extremes() {
        var model = RunModel()
        for step in 0..<10_000 {
            let loss = step == 4321 ? 99.0 : step == 8765 ? 0.001 : 2
            model.note(
                MadeUpRun.event(Double(step), 0, step + 1, MadeUpRun.committed(step, loss: loss))
            )
        }
        let values = model.loss.training.map { $0[1] }
        #expect(values.max() == 99 && values.min() == 0.001)
    }

    @Test("of more nodes than there are rows, the first that were lost are left out")
    func lanes() {
        var model = RunModel()
        for node in 0..<500 {
            model.note(MadeUpRun.event(1, 0, 0, .nodeJoined(NodeID(node), agentPID: node)))
        }
        for node in 0..<300 {
            let cause = LossCause.reported(evidence: "killed")
            model.note(MadeUpRun.event(2 + Double(node), 0, 0, .nodeLost(NodeID(node), cause)))
        }
        let section = model.lanes(StoryClock(model.skeleton, until: 400), until: 400)
        #expect(section.lanes.count == RunModel.mostLanes && section.leftOut == 100)
        #expect(section.lanes.first?.node == 100)
    }

    @Test("events that are kept are the newest")
    func events() {
        var model = RunModel()
        let count = 2 * RunModel.mostEvents
        for number in 0..<count {
            model.note(MadeUpRun.event(Double(number), 0, 0, .nodeReady(NodeID(number))))
        }
        let page = EventPage(EventQuery(), model)
        #expect(page.total == count && page.events.count == EventQuery.mostEvents)
        #expect(page.events.first?.node == count - 1)
        #expect(model.told.count <= RunModel.mostEvents * 5 / 4)
    }
}
