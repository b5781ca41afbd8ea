import OobleckTransport
import Testing

@Suite("The GPU that a worker sees", .timeLimit(.minutes(5)))
struct VisibleDeviceTests {
    private let variable = "CUDA_VISIBLE_DEVICES"

    @Test("each of several workers sees the GPU at its place in the agent's list")
    func own() {
        for (device, gpu) in ["4", "5"].enumerated() {
            let own = ProcessEnvironment.visibleDevice(device, of: 2, list: "4,5,7")
            #expect(own == [variable: gpu])
        }
    }

    @Test("a single worker, or workers that are more than the GPUs, see what the agent sees")
    func shared() {
        #expect(ProcessEnvironment.visibleDevice(0, of: 1, list: "4,5") == [:])
        #expect(ProcessEnvironment.visibleDevice(1, of: 2, list: "4") == [:])
        #expect(ProcessEnvironment.visibleDevice(1, of: 2, list: nil) == [:])
    }
}
