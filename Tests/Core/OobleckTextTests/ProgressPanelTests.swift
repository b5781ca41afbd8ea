import OobleckCore
import OobleckText
import Testing

@Suite("The live lines of a terminal", .timeLimit(.minutes(5)))
struct ProgressPanelTests {
    private func status(
        step: Int = 816,
        phase: RunStatus.Phase = .training,
        trouble: String? = nil
    ) -> RunStatus {
        var status = RunStatus(
            phase: phase,
            step: step,
            steps: 900,
            generation: 4,
            loss: step > 0 ? 2.356 : nil,
            stepTime: 0.1,
            tokensPerSecond: 15720,
            idleShare: 0.614,
            pipelines: 2,
            nodes: (0..<6).map { NodeStatus(id: NodeID($0), state: $0 < 4 ? .healthy : .dead) }
        )
        status.validationLoss = 3.946
        status.storageTrouble = trouble
        return status
    }

    private var measures: ProgressPanel.Measures {
        var measures = ProgressPanel.Measures()
        (measures.stepTime, measures.elapsed) = (0.5, 7283)
        (measures.learningRate, measures.utilization) = (1.237e-4, 0.38)
        return measures
    }

    private func lines(_ limit: Int, _ status: RunStatus, isPlain: Bool = true) -> [String] {
        ProgressPanel(status, measures, isPlain: isPlain).lines(limit: limit)
    }

    @Test("a wide terminal has all of it")
    func wide() {
        let lines = lines(199, status())
        #expect(
            lines[0]
                == "\(String(repeating: "#", count: 36))....  step 816/900  ETA 0:42  elapsed 2:01:23"
        )
        #expect(
            lines[1] == "loss 2.356  validation 3.946  lr 1.2e-4  15.7k tok/s  MFU 38%  nodes 4  "
                + "pipelines 2  idle 61%"
        )
    }

    @Test(
        "no line is wider than the terminal, and the steps are always there",
        arguments: Array(19...199)
    )
    func widths(limit: Int) {
        var status = status()
        for trouble in [nil, "No space left on device, which is a long story, 12 s"] {
            status.storageTrouble = trouble
            for step in [0, 1, 450, 899, 900, 901] {
                status.step = step
                for phase in RunStatus.Phase.allCases {
                    status.phase = phase
                    for isPlain in [true, false] {
                        let lines = lines(limit, status, isPlain: isPlain)
                        #expect(
                            lines.count == 2 && lines.allSatisfy { $0.columns <= limit },
                            "\(lines)"
                        )
                        #expect(lines[0].contains("step \(step)/900"), "\(lines)")
                    }
                }
            }
        }
    }

    @Test("whole parts only, the most important ones last to go", arguments: Array(19...199))
    func parts(limit: Int) {
        let lines = lines(limit, status())
        let whole = ProgressPanel(status(), measures, isPlain: true).lines(limit: 199)
        for (line, all) in zip(lines, whole) {
            let parts = all.split(separator: "  ")
            for part in line.split(separator: "  ")
            where !part.contains("..") && !part.contains("##") {
                #expect(parts.contains(part), "\(part) in \(line)")
            }
        }
        #expect(lines[1].hasPrefix("loss 2.356"))
        if limit >= 40 { #expect(lines[0].contains("ETA 0:42") && lines[1].contains("nodes 4")) }
    }

    @Test("the bar does not jump with the texts, and is as full as the run is far")
    func bar() {
        func bar(_ step: Int) -> Substring {
            lines(79, status(step: step), isPlain: false)[0].prefix { $0 != " " }
        }
        #expect(Set([1, 9, 99, 450, 900].map { bar($0).count }) == [26])
        #expect(
            bar(450) == String(repeating: "\u{2588}", count: 13)
                + String(repeating: "\u{2591}", count: 13)[...]
        )
        #expect(bar(900).allSatisfy { $0 == "\u{2588}" } && bar(0).allSatisfy { $0 == "\u{2591}" })
        // A step that moves it by less than a column is seen.
        #expect(bar(455) != bar(450))
    }

    @Test("a run that starts, waits or stops says so")
    func phases() {
        #expect(lines(79, status(step: 0, phase: .starting))[1] == "starting  4 nodes ready")
        #expect(lines(79, status(phase: .waitingForNodes))[1] == "waiting-for-nodes")
        #expect(lines(79, status(phase: .reconfiguring))[1].hasPrefix("reconfiguring  loss 2.356"))
        #expect(
            lines(79, status(trouble: "disk full, 3 s"))[1]
                == "waiting for storage (disk full, 3 s)"
        )
    }

    @Test("the average of the steps includes recoveries and spreads them")
    func average() throws {
        var pace = ProgressPace()
        var now = 0.0
        for step in 1...100 {
            // Steps of half a second, and a recovery of ten.
            now += step == 50 ? 10.5 : 0.5
            pace.note(status(step: step), at: Seconds(now))
        }
        let average = try #require(pace.average).value
        #expect(abs(average - (49.5 + 10) / 99) < 1e-9)
        // Ten steps are taken back: the time since counts for those that are left.
        pace.note(status(step: 90), at: Seconds(now + 5))
        #expect(try #require(pace.average).value > average)
    }
}
