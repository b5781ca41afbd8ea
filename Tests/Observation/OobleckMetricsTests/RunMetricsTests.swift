import Foundation
import OobleckCore
import OobleckRecording
import OobleckRunFiles
import OobleckTestSupport
import Testing

@testable import OobleckMetrics

@Suite("Numbers for Prometheus", .timeLimit(.minutes(1)))
struct RunMetricsTests {
    @Test("a histogram counts each value under all bounds that are not below it")
    func histogram() {
        var histogram = Histogram(bounds: [1, 2.5])
        for value in [0.5, 1, 2, 7, .nan] { histogram.add(value) }
        var text = PrometheusText()
        text.histogram("x_seconds", "Help.", histogram)
        #expect(
            text.text == """
                # HELP x_seconds Help.
                # TYPE x_seconds histogram
                x_seconds_bucket{le="1"} 2
                x_seconds_bucket{le="2.5"} 3
                x_seconds_bucket{le="+Inf"} 4
                x_seconds_sum 10.5
                x_seconds_count 4

                """
        )
    }

    @Test("labels and help texts are escaped as the format demands")
    func escapes() {
        var text = PrometheusText()
        text.begin("x", .gauge, "a\\b\nc")
        text.sample("x", [("run", "a\"b\\c\nd")], .nan)
        #expect(text.text.contains("# HELP x a\\\\b\\nc\n"))
        #expect(text.text.contains("x{run=\"a\\\"b\\\\c\\nd\"} NaN\n"))
    }

    private static func noticed(_ content: RunEvent.Content) -> RunUpdate {
        let event = RunEvent(generation: 1, step: 3, content)
        return .event(TimedEvent(event, time: 10, monotonic: 10))
    }

    @Test("what a run tells is counted, and what never happened is there with zero")
    func counts() {
        var metrics = RunMetrics()
        metrics.begin("mine", SmallJob.job())
        let committed = CommittedStep(
            step: 3,
            generation: 1,
            firstSample: 6,
            endSample: 8,
            loss: 2.5,
            gradientNorm: 1
        )
        var step = StepMeasurement(committed, stepTime: 0.4, nodes: 3, pipelines: 1)
        step.compute = 0.3
        metrics.note(.measured(step))
        metrics.note(Self.noticed(.nodeLost(2, .silent(.worker, 2.5))))
        metrics.note(
            .recovered(
                RecoveryRecord(
                    step: 3,
                    lostNodes: [2],
                    detect: 2.5,
                    decide: 0,
                    rebuild: 0.1,
                    transfer: 0.1,
                    transferBytes: 77,
                    total: 2.75,
                    reason: ""
                )
            )
        )
        let lines = Set(metrics.text.split(separator: "\n").map(String.init))
        for line in [
            "oobleck_steps_total 1", "oobleck_samples_total 2", "oobleck_tokens_total 6",
            "oobleck_node_losses_total{cause=\"silent\"} 1",
            "oobleck_node_losses_total{cause=\"stuck\"} 0",
            "oobleck_events_total{kind=\"node-lost\"} 1",
            "oobleck_events_total{kind=\"restored\"} 0",
            "oobleck_recovery_copied_bytes_total 77",
            "oobleck_recovery_duration_seconds_bucket{le=\"2.5\"} 0",
            "oobleck_recovery_duration_seconds_bucket{le=\"5\"} 1",
            "oobleck_step_part_seconds_total{part=\"compute\"} 0.3", "oobleck_loss 2.5",
            "oobleck_run_info{run=\"mine\",model=\"small\"} 1",
        ] {
            #expect(lines.contains(line), "\(line)")
        }
        let types = metrics.text.split(separator: "\n").filter { $0.hasPrefix("# TYPE") }
        #expect(Set(types).count == types.count, "each metric is told once")
    }

    @Test("a run is well while its coordinator speaks, and not once it has stopped")
    func health() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write("job.json", "{}")
        let service = MetricsService()
        #expect(service.health(now: 5) == (true, "starting"))
        let follow = service.follow(try RunDirectory.open(path: folder.path), SmallJob.job())
        var status = RunStatus(
            phase: .training,
            step: 3,
            steps: 9,
            generation: 1,
            loss: nil,
            stepTime: nil,
            tokensPerSecond: nil,
            idleShare: nil,
            pipelines: 1,
            nodes: []
        )
        follow(.status(status))
        #expect(service.health() == (true, "training, step 3 of 9"))
        let later = service.health(now: 1e9)
        #expect(!later.isWell && later.line.hasPrefix("the coordinator has said nothing for"))
        (status.phase, status.reason) = (.stopped, "no nodes")
        follow(.status(status))
        #expect(service.health() == (false, "stopped, step 3 of 9: no nodes"))
    }
}
