import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct RunRecorderTests {
    @Test("the first line's hash is that of another SHA-256 over the documented bytes")
    func hash() {
        let step = CommittedStep(
            step: 0,
            generation: 0,
            firstSample: 0,
            endSample: 32,
            loss: 5.5,
            gradientNorm: 0.125
        )
        let line = LedgerLine(chaining: step, to: LedgerLine.genesis)
        // Python's hashlib.sha256 over 64 zeros and the line without its hash.
        let expected = "31cb0df18b7cf3e3ef3c11253f264ee5b229876d464ddf8cb05d0b8bac175446"
        #expect(line.hash == expected)
        #expect(
            line.text == "{\"step\":0,\"generation\":0,\"first_sample\":0,\"end_sample\":32,"
                + "\"loss\":5.5,\"gradient_norm\":0.125,"
                + "\"previous\":\"\(String(repeating: "0", count: 64))\",\"hash\":\"\(expected)\"}"
        )
    }

    @Test("two runs that commit the same steps have the same ledger, byte for byte")
    func determinism() throws {
        let (first, second) = (try RunFixture(), try RunFixture())
        #expect(try first.read("ledger.jsonl") == second.read("ledger.jsonl"))
        #expect(try first.lines("ledger.jsonl").count == 5)
    }

    @Test("losses are kept to the last bit", arguments: UInt64(0)..<100)
    func exactNumbers(seed: UInt64) throws {
        var generator = SeededGenerator(state: seed)
        var value = Double(bitPattern: generator.next())
        while !value.isFinite { value = Double(bitPattern: generator.next()) }
        let step = CommittedStep(
            step: 0,
            generation: 0,
            firstSample: 0,
            endSample: 1,
            loss: value,
            gradientNorm: -value
        )
        let line = LedgerLine(chaining: step, to: LedgerLine.genesis)
        let read = try JSONDecoder().decode(LedgerLine.self, from: Data(line.text.utf8))
        #expect(read.committed?.loss.bitPattern == value.bitPattern)
        #expect(read.text == line.text)
    }

    @Test("a loss that is not finite is refused and not recorded")
    func divergence() throws {
        let folder = try TemporaryFolder()
        let directory = try RunDirectory.create(
            path: folder.path + "/run",
            job: RunFixture.job(),
            configText: ""
        )
        let recorder = try RunRecorder(directory)
        var step = RunFixture.step(0)
        step.loss = .nan
        #expect(throws: OobleckError.self) { try recorder.append(step) }
        try recorder.append(RunFixture.step(0))
        let text = try String(contentsOfFile: directory.ledgerPath, encoding: .utf8)
        #expect(text.split(separator: "\n").count == 1)
    }

    @Test("a full disk is a storage error that names the file")
    func fullDisk() throws {
        let folder = try TemporaryFolder()
        let directory = try RunDirectory.create(
            path: folder.path + "/run",
            job: RunFixture.job(),
            configText: ""
        )
        try FileManager.default.createSymbolicLink(
            atPath: directory.ledgerPath,
            withDestinationPath: "/dev/full"
        )
        let recorder = try RunRecorder(directory)
        for _ in 0..<2 {
            let error = #expect(throws: OobleckError.self) {
                try recorder.append(RunFixture.step(0))
            }
            #expect(error?.code == .storage)
            #expect(error?.message.contains(directory.ledgerPath) == true)
        }
    }

    @Test("events carry the time and are read back")
    func events() throws {
        let folder = try TemporaryFolder()
        let directory = try RunDirectory.create(
            path: folder.path + "/run",
            job: RunFixture.job(),
            configText: ""
        )
        let recorder = try RunRecorder(directory)
        let before = Date().timeIntervalSince1970
        let event = RunEvent(
            generation: 3,
            step: 7,
            .nodeLost(2, .reported(evidence: "\"quoted\"\nsecond line"))
        )
        try recorder.log(event)
        try recorder.log(RunEvent(generation: 4, step: 7, .stopped(reason: "no node is left")))
        let lines = try String(contentsOfFile: directory.eventsPath, encoding: .utf8)
            .split(separator: "\n")
        let read = try lines.map { try TimedEvent.parsing(String($0)) }
        #expect(read.map(\.event.kind) == [.nodeLost, .stopped])
        #expect(read.first?.event == event)
        #expect(read[0].monotonic <= read[1].monotonic)
        // To the millisecond, rounded.
        #expect(read[0].time.value > before - 0.001)
        #expect(read[0].time.value < Date().timeIntervalSince1970 + 0.001)
        #expect(throws: OobleckError.self) { try TimedEvent.parsing("{}") }
        // A time that no clock can show ended the program that showed it.
        let line = String(lines[0])
        for time in ["1e300", "-1", "9223372036854775807"] {
            let damaged = line.replacing(/"time":[0-9.e+]+/, with: "\"time\":\(time)")
            #expect(throws: OobleckError.self) { try TimedEvent.parsing(damaged) }
        }
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
