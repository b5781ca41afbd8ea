import OobleckData
import Testing

@Suite(.timeLimit(.minutes(5))) struct SampleOrderTests {
    @Test(
        "each epoch uses every sample exactly once",
        arguments: [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64, 65, 255, 257, 1000, 4096, 4097]
    )
    func bijection(sampleCount: Int) {
        for seed in UInt64(0)..<8 {
            let order = SampleOrder(seed: seed, sampleCount: sampleCount)
            for epoch in 0..<3 {
                let first = epoch * sampleCount
                let samples = (first..<first + sampleCount).map(order.sampleIndex(position:))
                #expect(
                    samples.sorted() == Array(0..<sampleCount),
                    "seed \(seed), epoch \(epoch)"
                )
            }
        }
    }

    @Test("another seed or epoch gives another order, the same ones the same")
    func keys() {
        func order(_ seed: UInt64, _ epoch: Int) -> [Int] {
            let order = SampleOrder(seed: seed, sampleCount: 100)
            return (0..<100).map { order.sampleIndex(epoch: epoch, position: $0) }
        }
        var seen: Set<[Int]> = [Array(0..<100)]
        for seed: UInt64 in [0, 1, 2, 1 << 63, .max] {
            for epoch in 0..<4 { #expect(seen.insert(order(seed, epoch)).inserted) }
        }
        #expect(order(7, 3) == order(7, 3))
    }

    @Test("no sample is favoured at the first position")
    func uniformity() {
        let seeds = 5000
        var counts = [Int](repeating: 0, count: 10)
        for seed in 0..<UInt64(seeds) {
            counts[SampleOrder(seed: seed, sampleCount: 10).sampleIndex(position: 0)] += 1
        }
        // Binomial with mean 500 and deviation 21.2: five deviations.
        for count in counts { #expect(abs(count - seeds / 10) < 107) }
    }

    @Test("neighbours in the order are not neighbours in the corpus")
    func scattering() {
        let order = SampleOrder(seed: 3, sampleCount: 10_000)
        let samples = (0..<10_000).map(order.sampleIndex(position:))
        let adjacent = zip(samples, samples.dropFirst()).filter { abs($0 - $1) == 1 }.count
        // A random permutation has two on average.
        #expect(adjacent < 15)
    }

    @Test("the largest counts neither overflow nor hang")
    func extremes() {
        let order = SampleOrder(seed: 1, sampleCount: .max)
        let samples = Set((0..<100).map(order.sampleIndex(position:)))
        #expect(samples.count == 100)
        #expect(SampleOrder(seed: 1, sampleCount: 1).sampleIndex(position: .max) == 0)
    }
}
