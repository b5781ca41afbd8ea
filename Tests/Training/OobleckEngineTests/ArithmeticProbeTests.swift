import OobleckCore
import OobleckModels
import OobleckTensor
import Testing

@testable import OobleckEngine

@Suite("What a worker's arithmetic comes to", .timeLimit(.minutes(10))) struct ArithmeticProbeTests
{
    private func job(_ change: (inout JobSpecification) -> Void = { _ in }) -> JobSpecification {
        SmallJob.make { job in
            job.model.gpt2?.hidden = 16
            job.training.microbatch = 4
            change(&job)
        }
    }

    private func fingerprint(_ job: JobSpecification) throws -> String {
        try TensorRuntime.initialize()
        return try ArithmeticProbe(job: job, model: ModelFactory.model(of: job)).run().fingerprint
    }

    @Test("is the same each time, and another for other shapes and other models")
    func stable() throws {
        let usual = try fingerprint(job())
        #expect(try fingerprint(job()) == usual)
        #expect(try fingerprint(job { $0.training.microbatch = 2 }) != usual)
        #expect(try fingerprint(job { $0.model.gpt2?.hidden = 32 }) != usual)
        // The seed, the steps and the nodes decide no kernel.
        #expect(try fingerprint(job { $0.training.seed = 2 }) == usual)
        #expect(try fingerprint(job { $0.training.steps = 9 }) == usual)
        #expect(try fingerprint(job { $0.cluster.nodes = 9 }) == usual)
    }

    @Test("names processor, library and kernels")
    func origin() throws {
        try TensorRuntime.initialize()
        let job = job()
        let arithmetic = try ArithmeticProbe(job: job, model: ModelFactory.model(of: job)).run()
        #expect(arithmetic.library == "libtorch \(TensorRuntime.requiredVersion)")
        #expect(arithmetic.settings.hasPrefix("kernels "))
        #expect(!arithmetic.processor.isEmpty)
    }

    @Test("takes one sample where a microbatch would need much memory")
    func large() throws {
        func samples(_ job: JobSpecification) throws -> Int {
            try ModelFactory.model(of: job).trialSamples(microbatch: job.training.microbatch)
        }
        #expect(try samples(job()) == 4)
        let large = job {
            $0.model.gpt2?.vocabulary = 50257
            $0.model.gpt2?.sequenceLength = 1024
        }
        #expect(try samples(large) == 1)
    }
}
