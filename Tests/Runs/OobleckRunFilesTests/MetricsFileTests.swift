import Foundation
import OobleckCore
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite("metrics.jsonl", .timeLimit(.minutes(5)))
struct MetricsFileTests {
    private static func measurement(step: Int, loss: Double = 2.5) -> StepMeasurement {
        var measurement = StepMeasurement(
            CommittedStep(
                step: step,
                generation: 3,
                firstSample: 8 * step,
                endSample: 8 * (step + 1),
                loss: loss,
                gradientNorm: loss
            ),
            stepTime: 0.5,
            nodes: 4,
            pipelines: 2
        )
        let times = WorkerTimes(
            elapsed: 0.4,
            neighbourWait: 0.1,
            sumWait: 0.05,
            update: 0.02,
            memory: 1000
        )
        measurement.add(
            [0.2, 0.3].map {
                StepVote(
                    generation: 3,
                    step: step,
                    squaredNorms: [:],
                    losses: [:],
                    busy: $0,
                    times: times
                )
            }
        )
        return measurement
    }

    @Test("a line has what was measured, and reads back as it was")
    func line() throws {
        let line = MetricsLine(Self.measurement(step: 4), of: RunFixture.job(), time: 12.5)
        #expect(line.step == 5 && line.samples == 40 && line.tokens == 120)
        #expect(line.samplesPerSecond == 16 && line.tokensPerSecond == 48)
        #expect(line.compute == 0.25 && line.wait == 0.1 && line.synchronization == 0.05)
        let commit = try #require(line.commit)
        #expect(abs(commit.value - 0.08) < 1e-12, "0.5 s less 0.4 s of passes and 0.02 s of update")
        #expect(line.memory == 1000 && line.nodes == 4 && line.pipelines == 2)
        let read = try JSONDecoder().decode(MetricsLine.self, from: Data(line.text.utf8))
        #expect(read.text == line.text)
        #expect(!line.text.contains("skipped") && !line.text.contains("validation_loss"))
    }

    @Test("utilization needs a peak, and is the operations of all nodes' samples against it")
    func utilization() throws {
        var job = RunFixture.job()
        #expect(MetricsLine(Self.measurement(step: 4), of: job, time: 1).utilization == nil)
        job.cluster.peakTeraflops = 1e-6
        let line = MetricsLine(Self.measurement(step: 4), of: job, time: 1)
        // 16 samples a second on four nodes of a million operations a second each. A sample: three tokens, width 4,
        // one block, five words.
        let parts: [Double] = [8 * 3 * 4 * 4, 4 * 3 * 3 * 4, 4 * 3 * 4 * 16, 2 * 3 * 4 * 5]
        let expected = 3 * parts.reduce(0, +) * 16 / 4e6
        let utilization = try #require(line.utilization)
        #expect(abs(utilization - expected) < 1e-12)
        #expect(line.text.contains("\"model_flops_utilization\":0.0"))
        let read = try JSONDecoder().decode(MetricsLine.self, from: Data(line.text.utf8))
        #expect(read.text == line.text)
    }

    @Test("what was not measured, or is not finite, is left out")
    func absent() throws {
        var measurement = StepMeasurement(
            Self.measurement(step: 0, loss: .nan).committed,
            stepTime: 0.5,
            nodes: 1,
            pipelines: 1
        )
        measurement.add([
            StepVote(generation: 0, step: 0, squaredNorms: [:], losses: [:], busy: 0)
        ])
        let text = MetricsLine(measurement, of: RunFixture.job(), time: 1).text
        for key in ["loss", "gradient_norm", "compute_seconds", "wait_seconds", "memory_bytes"] {
            #expect(!text.contains("\"\(key)\""), "\(text)")
        }
        #expect(text.contains("\"step_seconds\":0.5"))
    }

    @Test("steps that are committed again replace those that a checkpoint took back")
    func restored() {
        let steps = [1, 2, 3, 4, 3, 4, 5]
        let lines = steps.enumerated().map {
            MetricsLine(step: $0.element, time: Seconds(Double($0.offset)))
        }
        let counting = MetricsFile.counting(lines)
        #expect(counting.map(\.step) == [1, 2, 3, 4, 5])
        #expect(counting.map(\.time) == [0, 1, 4, 5, 6])
    }

    @Test("lines that cannot be read, and one that is still being written, are left out")
    func damaged() throws {
        let run = try RunFixture()
        let directory = try RunDirectory.open(path: run.path)
        #expect(try MetricsFile.lines(of: directory).isEmpty)
        let text = "{\"step\":1,\"time\":5}\nnonsense\n{\"step\":2,\"time\":6}\n{\"step\":3,\"ti"
        try text.write(toFile: directory.metricsPath, atomically: false, encoding: .utf8)
        #expect(try MetricsFile.lines(of: directory).map(\.step) == [1, 2])
        var log = try MetricsLog(path: directory.metricsPath)
        try log.append(MetricsLine(step: 3, time: 7))
        #expect(try MetricsFile.lines(of: directory).map(\.step) == [1, 2, 3])
    }
}
