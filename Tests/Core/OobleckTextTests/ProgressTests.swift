import OobleckCore
import OobleckText
import Testing

@Suite(.timeLimit(.minutes(5))) struct ProgressTests {
    private func status(
        step: Int,
        steps: Int = 2000,
        phase: RunStatus.Phase = .training,
        stepTime: Seconds? = 12,
        nodes: Int = 6
    ) -> RunStatus {
        RunStatus(
            phase: phase,
            step: step,
            steps: steps,
            generation: Generation(0),
            loss: step > 0 ? 4.933 : nil,
            stepTime: step > 0 ? stepTime : nil,
            tokensPerSecond: step > 0 ? 1567 : nil,
            idleShare: step > 0 ? 0.51 : nil,
            pipelines: 2,
            nodes: (0..<nodes).map { NodeStatus(id: NodeID($0), state: .healthy, stages: []) }
        )
    }

    @Test("the whole line has the whole ETA")
    func whole() {
        let line = ProgressLine(status(step: 1500), stepTime: 1).text(limit: nil)
        #expect(line.hasSuffix("ETA 8:20"))
        #expect(line.hasPrefix("step 1500/2000  loss 4.933  1567 tok/s  nodes 6  pipelines 2"))
    }

    @Test("the least important parts give way, and none is cut", arguments: Array(19...120))
    func narrow(limit: Int) {
        let whole = ProgressLine(status(step: 15), stepTime: 1).text(limit: nil)
        let line = ProgressLine(status(step: 15), stepTime: 1).text(limit: limit)
        #expect(line.columns <= limit)
        #expect(line.hasPrefix("step 15/2000"))
        let parts = whole.split(separator: "  ")
        #expect(line.split(separator: "  ").allSatisfy { parts.contains($0) })
        if limit >= 23 { #expect(line.hasSuffix("ETA 33:05")) }
        if limit >= whole.columns { #expect(line == whole) }
    }

    @Test("nodes of before a run was resumed do not count", .timeLimit(.minutes(5)))
    func resumed() {
        var status = status(step: 1500, nodes: 5)
        for index in 0..<2 { status.nodes[index].state = .done }
        let line = ProgressLine(status, stepTime: 1).text(limit: nil)
        #expect(line.contains("  nodes 3  "))
        for index in status.nodes.indices { status.nodes[index].state = .done }
        #expect(ProgressLine(status, stepTime: 1).text(limit: nil).contains("  nodes 5  "))
    }

    @Test("one node is one node")
    func plural() {
        let line = ProgressLine(status(step: 0, phase: .starting, nodes: 1), stepTime: nil)
        #expect(line.text(limit: nil) == "step 0/2000  starting  1 node ready")
    }

    /// All lines of a log that is asked every fifth of a second.
    private func lines(until end: Double, _ status: (Double) -> RunStatus) -> [(Double, String)] {
        var log = ProgressLog()
        var lines: [(Double, String)] = []
        for tick in 0...Int(end * 5) {
            let now = Double(tick) / 5
            if let line = log.line(for: status(now), at: Seconds(now)) { lines.append((now, line)) }
        }
        return lines
    }

    @Test("fast steps give a line every four seconds")
    func fast() {
        let lines = lines(until: 60) { status(step: 1 + Int($0 * 2), stepTime: 0.5) }
        #expect(lines.count == 15)
        #expect(zip(lines, lines.dropFirst()).allSatisfy { $1.0 - $0.0 >= 4 })
        #expect(Set(lines.map(\.1)).count == lines.count)
    }

    @Test("a wait for storage is told at once, and then ever less often")
    func storage() {
        let lines = lines(until: 100) { now in
            var status = status(step: 7)
            status.storageTrouble = "No space left on device, \(Int(now)) s"
            return status
        }
        #expect(lines.first?.1 == "step 7/2000  waiting for storage (No space left on device, 0 s)")
        let times = lines.map(\.0)
        #expect(times.count == 5)
        #expect(zip(times, [0, 8, 16, 32, 64]).allSatisfy { abs($0 - $1) < 0.5 }, "\(times)")
    }

    @Test("a slow step gives one line, and later says how long it has been running")
    func heartbeat() {
        // Step 3 begins at 12 s and runs on.
        let lines = lines(until: 120) { status(step: $0 < 12 ? 1 : 2, stepTime: 12) }
        #expect(lines.count { $0.1.hasPrefix("step 2/2000") } == 1)
        let beats = lines.filter { $0.1.contains("has been running") }
        #expect(beats.first?.1 == "step 3 has been running for 24 s, usually 12 s")
        let times = beats.map { $0.0 - 12 }
        #expect(times.count == 3)
        #expect(zip(times, [24, 48, 96]).allSatisfy { abs($0 - $1) < 1.5 }, "\(times)")
        #expect(Set(lines.map(\.1)).count == lines.count)
    }

    @Test("a run that starts for long says so, and one that is over says nothing")
    func otherPhases() {
        let starting = lines(until: 30) { _ in status(step: 0, phase: .starting) }
        #expect(
            starting.map(\.1) == [
                "step 0/2000  starting  6 nodes ready", "starting for 10 s",
                "starting for 20 s",
            ]
        )
        let over = lines(until: 300) { _ in status(step: 2000, phase: .finished) }
        #expect(over.count == 1)
    }

    @Test("a run that changes its mind prints no line twice")
    func changes() {
        let lines = lines(until: 60) { now in
            status(step: 5, phase: Int(now / 5) % 2 == 0 ? .training : .reconfiguring, nodes: 5)
        }
        #expect(Set(lines.map(\.1)).count == lines.count)
    }

    @Test("no time is too long to be shown")
    func clock() {
        #expect(NumberText.clock(83) == "1:23")
        #expect(NumberText.clock(7283) == "2:01:23")
        #expect(NumberText.clock(Seconds(.infinity)) == "0:00")
        #expect(NumberText.clock(1e300) == "99999:59:59")
        #expect(NumberText.span(3.25) == "3.2 s")
        #expect(NumberText.span(40) == "40 s")
        #expect(NumberText.span(600) == "10 min")
    }

    @Test("a file that is read quickly needs no line; a large one is told in rhythm")
    func reading() {
        let whole = ByteCount(400 << 20)
        for isLive in [true, false] {
            var reading = ReadingLine(isLive: isLive)
            // Half a second is too short; the next file begins at 100 s.
            var lines = [0, 0.5].map { reading.line("/a", 1, of: 9, at: $0) }
            #expect(lines == [nil, nil])
            lines = [0, 1, 2, 3, 4, 4.1, 4.15, 4.19, 4.2, 31, 31, 31.21].map {
                reading.line(
                    "/data/train.bin",
                    ByteCount(100 << 20),
                    of: whole,
                    at: Seconds(100 + $0)
                )
            }
            let shown = lines.indices.filter { lines[$0] != nil }
            #expect(shown == (isLive ? [1, 2, 3, 4, 8, 9, 11] : [1, 9]), "\(lines)")
            #expect(
                lines[1]
                    == "reading train.bin for the first time: 100.0 MiB of 400.0 MiB, about 3.0 s left"
            )
        }
    }
}
