import OobleckCore
import OobleckText
import Testing

@Suite(.timeLimit(.minutes(5))) struct DoctorReportTests {
    private static let facts = DeviceFacts(
        torch: "2.13.0",
        kernels: "AVX512",
        device: nil,
        cudaDevices: 0,
        cudaTrouble: "there is no NVIDIA driver here; cluster.device: cpu computes without one",
        nccl: nil,
        float32Rate: 84e9,
        bfloat16Rate: 120e9,
        isClockSynchronized: true
    )
    private static let system = DoctorReport.System(
        cores: 2,
        memory: ByteCount(24 << 30),
        freeMemory: ByteCount(20 << 30),
        openFiles: 1_048_576,
        interfaces: ["lo (127.0.0.1)", "eth0 (10.0.0.3)"],
        freeDisk: ByteCount(60 << 30),
        folder: "/home/a"
    )

    private func verdicts(_ report: DoctorReport) -> [String: DoctorReport.Verdict] {
        Dictionary(uniqueKeysWithValues: report.findings.map { ($0.name, $0.verdict) })
    }

    @Test("a machine without a GPU can train on its CPU, and the report says why not on a GPU")
    func cpu() {
        let report = DoctorReport(device: .cpu, facts: .success(Self.facts), system: Self.system)
        #expect(report.canTrain)
        #expect(verdicts(report)["CUDA"] == .note)
        #expect(verdicts(report)["network"] == .good)
        let lines = report.lines(limit: 80)
        #expect(lines.allSatisfy { $0.count <= 80 }, "\(lines)")
        #expect(lines.contains { $0.hasSuffix("none here: there is no NVIDIA driver here") })
        #expect(lines.contains { $0.contains("84 GFLOP/s in float32, 120 GFLOP/s in") })
        #expect(lines.last == "training can start here")
    }

    @Test("what keeps training from starting is missing: libtorch, memory, files")
    func missing() {
        let trouble = OobleckError(.inputData, "libtorch 1.13.1 is loaded")
        var report = DoctorReport(device: .cpu, facts: .failure(trouble), system: Self.system)
        #expect(!report.canTrain)
        #expect(verdicts(report)["libtorch"] == .missing)
        var system = Self.system
        system.freeMemory = ByteCount(100 << 20)
        report = DoctorReport(device: .cpu, facts: .success(Self.facts), system: system)
        #expect(!report.canTrain && verdicts(report)["memory"] == .missing)
        system = Self.system
        system.openFiles = 64
        report = DoctorReport(device: .cpu, facts: .success(Self.facts), system: system)
        #expect(!report.canTrain && verdicts(report)["files"] == .missing)
    }

    @Test("loopback alone, and a clock that nobody sets, are worth a note")
    func notes() {
        var (facts, system) = (Self.facts, Self.system)
        facts.isClockSynchronized = false
        system.interfaces = ["lo (127.0.0.1)"]
        let report = DoctorReport(device: .cpu, facts: .success(facts), system: system)
        #expect(report.canTrain)
        #expect(verdicts(report)["network"] == .note && verdicts(report)["clock"] == .note)
    }
}
