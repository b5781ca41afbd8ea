import Foundation
import OobleckCore

/// Linear warmup, then cosine decay to the minimum, at which it stays.
package struct LearningRateSchedule: Sendable {
    private let training: TrainingSpecification

    package init(_ training: TrainingSpecification) { self.training = training }

    /// The learning rate of a zero-based step.
    package func rate(step: Int) -> Double {
        let peak = training.learningRate
        if step < training.warmupSteps {
            return peak * Double(step + 1) / Double(training.warmupSteps)
        }
        let decaySteps = max(training.scheduledSteps - training.warmupSteps, 1)
        let progress = min(Double(step - training.warmupSteps) / Double(decaySteps), 1)
        let low = training.minimumLearningRate
        return low + 0.5 * (peak - low) * (1 + cos(Double.pi * progress))
    }
}
