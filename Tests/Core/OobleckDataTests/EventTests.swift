import Foundation
import OobleckCore
import OobleckData
import Testing

@Suite("Events: their sentence, and their line in the file", .timeLimit(.minutes(5)))
struct EventTests {
    private func timed(_ content: RunEvent.Content) -> TimedEvent {
        let event = RunEvent(generation: 3, step: 7, content)
        return TimedEvent(event, time: 1_700_000_000.1234, monotonic: 77.1234567)
    }

    @Test("each kind and cause has its sentence")
    func sentences() {
        for (content, sentence) in EventSamples.all {
            #expect(timed(content).event.message == sentence)
        }
    }

    @Test("each kind and cause reads back as it was written")
    func roundTrip() throws {
        for (content, _) in EventSamples.all {
            let event = timed(content)
            let line = event.text
            #expect(!line.contains("\n"))
            let back = try TimedEvent.parsing(line)
            #expect(back == event, "\(line)")
            #expect(back.text == line)
        }
    }

    @Test("the samples have every kind")
    func complete() {
        #expect(Set(EventSamples.all.map(\.0.kind)) == Set(RunEvent.Kind.all))
        #expect(Set(RunEvent.Kind.all).count == RunEvent.Kind.all.count)
    }

    @Test("a line has time, kind, generation, step, node, fields and sentence")
    func line() throws {
        let text = timed(.nodeLost(2, .silent(.worker, 2.5))).text
        #expect(
            text == #"{"time":1700000000.123,"monotonic":77.123457,"kind":"node-lost","#
                + #""generation":3,"step":7,"node":2,"fields":{"cause":"silent","#
                + #""evidence":"no sign of life from worker for 2.5 s","seconds":2.5,"side":"worker"},"#
                + #""message":"node 2 is lost: no sign of life from worker for 2.5 s"}"#
        )
    }

    @Test("a loss that is no number reads back as one that is not")
    func notFinite() throws {
        let event = timed(.committed(step: 6, loss: .nan, isSkipped: true))
        let back = try TimedEvent.parsing(event.text)
        guard case .committed(6, let loss, true) = back.event.content else {
            Issue.record("\(back)")
            return
        }
        #expect(loss.isNaN)
        let evaluation = RecordedEvaluation(step: 7, generation: 3, samples: 6, loss: .infinity)
        let evaluated = try TimedEvent.parsing(timed(.evaluated(evaluation)).text)
        #expect(evaluated.event.kind == .evaluated && !evaluated.event.isUntyped)
    }

    @Test(
        "a line of another version loads, and shows the sentence that it came with",
        arguments: [
            #""kind":"node-lost","generation":3,"step":7,"node":2,"message":"old words""#,
            #""kind":"warning","generation":3,"step":7,"message":"old words""#,
            #""kind":"from-tomorrow","generation":3,"step":7,"node":2,"message":"old words""#,
            #""kind":"from-tomorrow","generation":3,"step":7,"fields":{"a":1},"message":"old words""#,
            #""kind":"node-lost","generation":3,"step":7,"node":2,"fields":{"cause":"from-tomorrow"},"#
                + #""message":"old words""#,
            #""kind":"node-lost","generation":3,"step":7,"fields":{"cause":"silent","seconds":1},"#
                + #""message":"old words""#,
            #""kind":"recovered","generation":3,"step":7,"fields":[1],"message":"old words""#,
            #""kind":"recovered","generation":3,"step":7,"fields":7,"message":"old words""#,
        ]
    )
    func otherVersions(members: String) throws {
        let event = try TimedEvent.parsing(#"{"time":1,"monotonic":2,\#(members)}"#)
        #expect(event.event.message == "old words")
        #expect(event.event.isUntyped)
        let back = try TimedEvent.parsing(event.text)
        #expect(back == event)
    }

    @Test("a line without its sentence is refused in one line")
    func damaged() {
        let line =
            #"{"time":1,"monotonic":2,"kind":"finished","generation":3,"step":7,"fields":{}}"#
        let error = #expect(throws: OobleckError.self) { try TimedEvent.parsing(line) }
        #expect(error?.code == .inputData && error?.message.contains("\n") == false)
    }
}
