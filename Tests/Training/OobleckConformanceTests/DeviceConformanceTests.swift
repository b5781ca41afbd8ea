import OobleckConformance
import OobleckCore
import Testing

/// The suite that every device has to pass, here on the CPU; `oobleck-worker conformance` runs it on a
/// GPU.
@Suite("What every device computes alike", .serialized, .timeLimit(.minutes(5)))
struct DeviceConformanceTests {
    @Test("the CPU computes what every device has to", arguments: 0..<14)
    func conformance(index: Int) throws {
        let checks = DeviceConformance(.cpu).checks
        #expect(checks.count == 14, "the arguments of this test are the checks' numbers")
        do { try checks[index].run() } catch { Issue.record("\(checks[index].name): \(error)") }
    }
}
