import OobleckCore
import OobleckModels
import OobleckTensor

/// The cost of exact sums compared with float32 sums, measured on the parts that differ.
package struct ExactnessMeter {
    /// The parts of one step, for one worker that holds the whole model.
    package struct Cost: Sendable, Codable {
        /// Adding one microbatch's gradients: as integers, and in float32.
        package var integerAddition: Seconds
        package var floatAddition: Seconds
        /// All-reduce of the whole model between two members, by int64 and by float32.
        package var integerAllReduce: Seconds
        package var floatAllReduce: Seconds
        package var parameterCount: Int
    }

    private let job: JobSpecification
    private let repetitions: Int

    package init(job: JobSpecification, repetitions: Int = 21) {
        self.job = job
        self.repetitions = repetitions
    }

    /// Measures all parts; integer and float in turn, medians.
    package func run() throws -> Cost {
        let states = try (0..<job.model.layerCount).map {
            try LayerState(layer: $0, model: job.model)
        }
        let count = states.flatMap(\.segments).reduce(0) { $0 + $1.count }
        let gradient = try Tensor.empty([count])
        try gradient.fillNormal(deviation: 1e-3, seed: 1)
        let integers = try FixedPointAccumulator(
            count: count,
            addendCount: job.training.microbatchCount
        )
        let floats = try Tensor.zeros([count])
        var integerTimes: [Seconds] = []
        var floatTimes: [Seconds] = []
        for _ in 0..<repetitions {
            let integerWatch = Stopwatch()
            try integers.add(gradient, at: 0)
            integerTimes.append(integerWatch.elapsed)
            let floatWatch = Stopwatch()
            try floats.accumulate(gradient)
            floatTimes.append(floatWatch.elapsed)
        }
        let meter = try AllReduceMeter(repetitions: repetitions)
        return Cost(
            integerAddition: median(integerTimes),
            floatAddition: median(floatTimes),
            integerAllReduce: try meter.measurePair(elementCount: count, .int64),
            floatAllReduce: try meter.measurePair(elementCount: count, .float32),
            parameterCount: count
        )
    }

    private func median(_ times: [Seconds]) -> Seconds { times.sorted()[times.count / 2] }
}
