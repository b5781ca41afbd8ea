import OobleckCore
import OobleckData
import OobleckModels

/// Makes the model that a job trains.
package enum ModelFactory {
    /// Throws `.inputData` when its files are not there or do not fit.
    package static func model(of job: JobSpecification) throws -> any LayeredModel {
        switch job.model {
        case .gpt2(let specification):
            let weights = try job.initialWeightsPath.map { try WeightFolder(path: $0) }
            try weights?.requireFit(specification)
            return GPT2(specification, weights: weights)
        case .imported(let model):
            return try ImportedNetwork(model)
        }
    }
}
