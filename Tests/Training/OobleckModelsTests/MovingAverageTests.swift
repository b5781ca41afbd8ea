import OobleckModels
import Testing

@Suite("Averages that move towards values", .timeLimit(.minutes(5)))
struct MovingAverageTests {
    @Test(
        "come to what moving towards one value after the other comes to",
        arguments: [0.1, 0.5, 1, 1e-3],
        [1, 2, 7, 64]
    )
    func weights(momentum: Double, count: Int) {
        let average = MovingAverage(momentum: momentum, count: count)
        let values = (0..<count).map { Double($0 * $0 % 11) - 4 }
        let moved = values.reduce(3.0) { $0 * (1 - momentum) + momentum * $1 }
        let summed = values.enumerated().reduce(3.0 * average.kept) { sum, value in
            sum + average.weight(of: value.offset) * value.element
        }
        #expect(abs(moved - summed) < 1e-12)
        let weights = (0..<count).reduce(average.kept) { $0 + average.weight(of: $1) }
        #expect(abs(weights - 1) < 1e-12)
    }
}
