import Foundation
import OobleckCore
import Testing

@testable import OobleckTraces

@Suite("Traces", .timeLimit(.minutes(5)))
struct RunTraceTests {
    /// Two stages that pass one microbatch to and fro.
    private static func records(step: Int) -> [WorkerID: [TraceRecord]] {
        var records: [WorkerID: [TraceRecord]] = [:]
        for stage in 0...1 {
            var record = TraceRecord(generation: 2, step: step, pipeline: 0, stage: stage)
            let start = Seconds(100 + Double(step) + 0.1 * Double(stage))
            record.spans = [
                TraceSpan(.forward, microbatch: 0, start: start, duration: 0.1),
                TraceSpan(
                    .backward,
                    microbatch: 0,
                    start: start + (stage == 0 ? 0.4 : 0.1),
                    duration: 0.2
                ), TraceSpan(.vote, start: start + 0.6, duration: 0.01),
            ]
            records[WorkerID(NodeID(stage + 5))] = [record]
        }
        return records
    }

    private static func parsed(_ trace: RunTrace) throws -> [[String: Any]] {
        let value = try JSONSerialization.jsonObject(with: Data(trace.json.utf8))
        let object = try #require(value as? [String: Any])
        return try #require(object["traceEvents"] as? [[String: Any]])
    }

    @Test("a record reads back as it was written, to the microsecond")
    func record() throws {
        let record = try #require(Self.records(step: 3)[6]?.first)
        let read = try JSONDecoder().decode(TraceRecord.self, from: Data(record.text.utf8))
        #expect(read.spans.map(\.kind) == [.forward, .backward, .vote])
        for (left, right) in zip(read.spans, record.spans) {
            // Microseconds that are not whole are cut off, so that no span reaches into the next.
            #expect(abs(left.start.value - right.start.value) < 1.1e-6)
            #expect(abs(left.duration.value - right.duration.value) < 1.1e-6)
        }
        #expect(read.spans.last?.microbatch == nil && read.stage == 1)
    }

    @Test("each worker has a row, and each hand-over an arrow from its sender to its receiver")
    func rows() throws {
        let trace = try RunTrace(
            records: Self.records(step: 3),
            events: [],
            plan: nil,
            steps: nil
        )
        let events = try Self.parsed(trace)
        let slices = events.filter { $0["ph"] as? String == "X" }
        #expect(Set(slices.compactMap { $0["tid"] as? Int }) == [5, 6])
        #expect(slices.contains { $0["name"] as? String == "forward 0" && $0["ts"] as? Int == 0 })
        let starts = events.filter { $0["ph"] as? String == "s" }
        let ends = events.filter { $0["ph"] as? String == "f" }
        #expect(
            starts.map { $0["tid"] as? Int } == [5, 6] && ends.map { $0["tid"] as? Int } == [6, 5]
        )
        #expect(starts.map { $0["id"] as? Int } == ends.map { $0["id"] as? Int })
    }

    @Test("a recovery is shown with phases that fill it")
    func recovery() throws {
        let record = RecoveryRecord(
            step: 3,
            lostNodes: [9],
            detect: 0.1,
            decide: 0,
            rebuild: 0.1,
            transfer: 0.1,
            transferBytes: 5,
            total: 0.5,
            reason: "why \"so\""
        )
        let event = RunEvent(generation: 2, step: 3, .recovered(record))
        let trace = try RunTrace(
            records: Self.records(step: 3),
            events: [TimedEvent(event, time: 1, monotonic: 103.5)],
            plan: nil,
            steps: 4...4
        )
        let row = try Self.parsed(trace).filter {
            $0["pid"] as? Int == 1 && $0["tid"] as? Int == 2 && $0["ph"] as? String == "X"
        }
        #expect(
            row.map { $0["name"] as? String ?? "" } == [
                "recovery: lost 9", "detect", "rebuild", "copy", "resume",
            ]
        )
        let parts = row.dropFirst().compactMap { $0["dur"] as? Int }
        #expect(parts.reduce(0, +) == 500_000)
    }

    @Test("steps that no worker kept are refused with those that are there")
    func absent() {
        let error = #expect(throws: OobleckError.self) {
            try RunTrace(records: Self.records(step: 3), events: [], plan: nil, steps: 9...12)
        }
        #expect(
            error?.message == "no trace of steps 9..12: the workers' traces have steps 4 to 4"
        )
    }
}
