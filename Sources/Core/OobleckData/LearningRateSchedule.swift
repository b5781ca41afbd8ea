import Foundation
import OobleckCore

/// Linear warmup, then a decay to the minimum, at which the rate stays.
///
/// A pure function of the job and the step, so that a run that is resumed or extended trains every
/// step with the rate that it would have had without a stop.
package struct LearningRateSchedule: Sendable {
    private let training: TrainingSpecification

    package init(_ training: TrainingSpecification) { self.training = training }

    /// The learning rate of a zero-based step.
    package func rate(step: Int) -> Double {
        let peak = training.learningRate
        if step < training.warmupSteps {
            return peak * Double(step + 1) / Double(training.warmupSteps)
        }
        let (warmup, end) = (training.warmupSteps, training.scheduledSteps)
        return switch training.schedule ?? .cosine {
        case .cosine: rate(0.5 * (1 + cos(Double.pi * progress(of: step, from: warmup, to: end))))
        case .linear: rate(1 - progress(of: step, from: warmup, to: end))
        case .constant: peak
        case .stableThenDecay:
            rate(
                1 - progress(of: step, from: max(warmup, end - training.scheduledCooldown), to: end)
            )
        }
    }

    /// The rate at `part` of the way from the minimum (0) to the peak (1).
    private func rate(_ part: Double) -> Double {
        let low = training.minimumLearningRate
        return low + part * (training.learningRate - low)
    }

    /// How far `step` is on the way from `start` to `end`, 0 to 1.
    private func progress(of step: Int, from start: Int, to end: Int) -> Double {
        min(max(Double(step - start) / Double(max(end - start, 1)), 0), 1)
    }
}
