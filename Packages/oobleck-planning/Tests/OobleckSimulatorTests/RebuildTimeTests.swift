import OobleckValues
import Testing

@testable import OobleckSimulator

@Suite(.timeLimit(.minutes(10))) struct RebuildTimeTests {
    private let law = RebuildLaw(
        node: 0.02,
        coordinator: 0.01,
        coordinatorEachNode: 0.001,
        spread: [0.5, 1, 2]
    )

    @Test("the nodes work at the same time, the coordinator for each of them")
    func growth() {
        #expect(abs(law.time(nodes: 0, draw: 0.5).value - 0.03) < 1e-12)
        #expect(abs(law.time(nodes: 100, draw: 0.5).value - 0.13) < 1e-12)
    }

    @Test("draws follow the measured quantiles, and stay between the first and the last")
    func spread() {
        let median = 0.03
        let factors = [0, 1.0 / 6, 1.0 / 3, 0.5, 2.0 / 3, 5.0 / 6, 0.999].map {
            law.time(nodes: 0, draw: $0).value / median
        }
        let expected = [0.5, 0.5, 0.75, 1, 1.5, 2, 2]
        for (factor, expected) in zip(factors, expected) {
            #expect(abs(factor - expected) < 1e-9, "\(factors)")
        }
    }

    @Test("the measured law is what the committed measurement says")
    func measured() {
        let law = RebuildLaw.measured
        #expect(law.spread == law.spread.sorted())
        #expect(law.time(nodes: 16, draw: 0.5) < law.time(nodes: 2000, draw: 0.5))
    }

    @Test("policies that do nothing about slow nodes or notices say so, where there are any")
    func disregards() {
        #expect(SimulatedPolicy.varuna.disregards(slowNodes: false, notices: true) == nil)
        #expect(
            SimulatedPolicy.varuna.disregards(slowNodes: true, notices: true)
                == "lets slow nodes work"
        )
        #expect(
            SimulatedPolicy.bamboo.disregards(slowNodes: true, notices: true)
                == "lets slow nodes work and does nothing at a notice"
        )
        #expect(SimulatedPolicy.oobleck.disregards(slowNodes: true, notices: true) == nil)
    }
}
