import Foundation
import OobleckCoordination
import OobleckCore
import OobleckRunFiles
import OobleckTestSupport
import Testing

@testable import OobleckRecording

@Suite("Recording of metrics", .timeLimit(.minutes(1)))
struct MetricsRecordingTests {
    private static func measured(_ step: Int) -> RunUpdate {
        let committed = CommittedStep(
            step: step,
            generation: 0,
            firstSample: 2 * step,
            endSample: 2 * step + 2,
            loss: 3,
            gradientNorm: 1
        )
        return .measured(StepMeasurement(committed, stepTime: 0.1, nodes: 1, pipelines: 1))
    }

    private static func evaluated(_ step: Int) -> RunUpdate {
        .evaluated(RecordedEvaluation(step: step, generation: 0, samples: 2, loss: 2.5))
    }

    @Test(
        "a step whose state is evaluated has the loss in its line, the first state one of its own"
    )
    func evaluations() {
        var lines = MetricsLines(job: SmallJob.job(every: 2))
        let updates = [
            Self.evaluated(0), Self.measured(0), Self.measured(1), Self.evaluated(2),
            Self.measured(2),
        ]
        let written = updates.map {
            lines.lines(for: $0, at: 1).map { [$0.step, $0.validationLoss == nil ? 0 : 1] }
        }
        #expect(written == [[[0, 1]], [[1, 0]], [], [[2, 1]], [[3, 0]]])
    }

    @Test("a step whose coordinator died before the evaluation has a line without measurements")
    func inherited() {
        let job = SmallJob.job(every: 2)
        guard case .measured(let measurement) = Self.measured(1) else { return }
        let committed = measurement.committed
        var lines = MetricsLines(job: job, committed: committed)
        let made = lines.lines(for: Self.evaluated(2), at: 1)
        #expect(made.map(\.step) == [2] && made[0].validationLoss == 2.5 && made[0].loss == 3)
        #expect(made[0].stepTime == nil && made[0].samples == 4)
        // The state is one that a return to a checkpoint led to: its step has its line.
        lines = MetricsLines(job: job, committed: committed)
        #expect(lines.lines(for: Self.measured(2), at: 1).count == 1)
        #expect(lines.lines(for: Self.evaluated(2), at: 1).isEmpty)
        lines = MetricsLines(job: job, committed: committed)
        #expect(lines.lines(for: Self.evaluated(4), at: 1).isEmpty)
    }

    @Test("a line that waits for an evaluation is written when that does not come")
    func withoutEvaluation() {
        var lines = MetricsLines(job: SmallJob.job(every: 2))
        #expect(lines.lines(for: Self.measured(1), at: 1).isEmpty)
        #expect(lines.lines(for: Self.measured(2), at: 1).map(\.step) == [2, 3])
        #expect(lines.lines(for: Self.measured(3), at: 1).isEmpty)
        let end = RunUpdate.finished(.abandoned(OobleckError(.storage, "full")), nil)
        #expect(lines.lines(for: end, at: 1).map(\.step) == [4])
    }

    @Test("lines that cannot be written wait until they can")
    func waits() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/later/metrics.jsonl"
        let recording = MetricsRecording(path: path, job: SmallJob.job(every: nil))
        recording.receive(Self.measured(0))
        recording.receive(Self.measured(1))
        #expect(!FileManager.default.fileExists(atPath: path))
        try FileManager.default.createDirectory(
            atPath: folder.path + "/later",
            withIntermediateDirectories: false
        )
        recording.receive(Self.measured(2))
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 3 && lines[0].contains("\"step\":1,"))
    }
}
