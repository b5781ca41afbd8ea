import OobleckValues
import Testing

@testable import OobleckSimulator

@Suite(.timeLimit(.minutes(10))) struct RecoveryDistributionTests {
    @Test("quantiles are times that occurred, the least and the greatest among them")
    func quantiles() {
        let times = (1...101).shuffled().map { SimulatedTime(nanoseconds: $0 * 1_000_000_000) }
        let distribution = RecoveryDistribution(times)
        #expect(distribution.count == 101)
        let seconds = distribution.quantiles.map(\.seconds)
        #expect(seconds == [1, 11, 26, 51, 76, 91, 100, 101])
        #expect(distribution.quantile(50) == 51)
    }

    @Test("without recoveries there are none, and one is all of them")
    func few() {
        #expect(RecoveryDistribution([]).quantiles.isEmpty)
        #expect(RecoveryDistribution([]).quantile(50) == nil)
        let one = RecoveryDistribution([SimulatedTime(nanoseconds: 3_000_000_000)])
        #expect(Set(one.quantiles.map(\.seconds)) == [3])
    }
}
