import Foundation
import OobleckCore
import OobleckRecording
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
}
