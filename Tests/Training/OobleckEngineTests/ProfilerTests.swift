import Foundation
import OobleckCore
import OobleckEngine
import Testing

@Suite("What a profile says of links and layers", .timeLimit(.minutes(10)))
struct ProfilerTests {
    @Test(
        "a link's rate and latency are found again from the times that they give",
        arguments: [(1.25e9, 5e-5), (1e6, 0.2), (5e10, 1e-6)]
    )
    func fit(bytesPerSecond: Double, latency: Double) {
        let bytes = 3_000_000
        let full = latency + Double(bytes) / bytesPerSecond
        let fit = LinkFit(empty: Seconds(latency), full: Seconds(full), bytes: bytes)
        // The difference of two times loses as many digits as they share.
        let tolerance = 1e-15 * full / (full - latency)
        #expect(abs(fit.bytesPerSecond / bytesPerSecond - 1) <= tolerance + 1e-15)
        #expect(fit.latency.value == latency)
    }

    @Test(
        "times in which noise hides the bytes still give a rate that is finite and more than 0",
        arguments: [(1e-4, 1e-4), (1.2e-4, 1e-4), (0, 0), (1e-4, 0)]
    )
    func noise(empty: Double, full: Double) {
        let fit = LinkFit(empty: Seconds(empty), full: Seconds(full), bytes: 4_096)
        #expect(fit.bytesPerSecond.isFinite && fit.bytesPerSecond > 0)
        #expect(fit.latency.value == min(empty, full))
    }

    @Test("two members run beside each other while all threads of the shared pool are taken")
    func busyPool() throws {
        let gate = DispatchSemaphore(value: 0)
        let taken = 200
        for _ in 0..<taken { DispatchQueue.global().async { gate.wait() } }
        defer { for _ in 0..<taken { gate.signal() } }
        let arrivals = [DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)]
        let met = try TwoThreads.run { rank in
            arrivals[rank].signal()
            return arrivals[1 - rank].wait(timeout: .now() + 10) == .success
        }
        #expect(met == [true, true])
    }

    @Test("a small model measured on this machine has plausible times, sizes and link")
    func real() throws {
        let job = SmallJob.make()
        let profile = try Profiler(job: job, repetitions: 3).run()
        try profile.validate()
        #expect(profile.layers.count == 4)
        // An activation of [2, 16, 32] floats, whatever layer it comes from.
        #expect(profile.layers.dropLast().allSatisfy { $0.outputBytes == 4_096 })
        for layer in profile.layers {
            #expect(layer.forward > 0 && layer.backward > 0 && layer.forward < 10)
            #expect(layer.parameterBytes > 0 && layer.optimizerBytes >= layer.parameterBytes)
            #expect(Set(layer.allReduceAcrossNodes.keys) == [2, 3, 4])
            #expect(layer.allReduceAcrossNodes.values.allSatisfy { $0 > 0 && $0 < 10 })
        }
        for layer in profile.layers.dropLast() {
            let again = try #require(layer.recomputation)
            // What is kept is what the layer sends.
            #expect(again.activationBytes == layer.outputBytes)
            #expect(again.activationBytes <= layer.activationBytes)
            #expect(again.workspaceBytes > layer.workspaceBytes)
            #expect(again.backward > 0 && again.backward < 10)
        }
        #expect(profile.layers.last?.recomputation == nil)
        // Loopback, through sockets: from a slow, busy machine to a fast memory.
        let rate = try #require(profile.linkBytesPerSecond)
        #expect((1e4...1e12).contains(rate))
        let latency = try #require(profile.linkLatency)
        #expect(latency > 0 && latency < 10)
        #expect(profile.tiedAllReduceAcrossNodes?.isEmpty == false)
    }
}
