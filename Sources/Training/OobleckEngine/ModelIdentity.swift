import Foundation
import OobleckCore
import OobleckData

/// The digest that all nodes must share before they train one model: of its shape and its initial
/// weights.
enum ModelIdentity {
    /// SHA-256 of the model's specification and of the files that its initial weights are read
    /// from, hexadecimal.
    ///
    /// One pass over the files.
    static func digest(_ job: JobSpecification) throws -> String {
        var hasher = SHA256Hasher()
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        if case .imported(let model) = job.model {
            // The manifest has the digests of all files. Each reader of weights checks them.
            let folder = ImportedFolder(model)
            for name in folder.structureFiles { try folder.requireDigest(name) }
            hasher.update(model.sha256)
        } else {
            hasher.update(Array(try encoder.encode(job.model)))
        }
        guard let folder = job.initialWeightsPath else { return hasher.hexadecimal }
        for name in try WeightFolder(path: folder).files {
            let file = try OpenFile("\(folder)/\(name)", for: .readInput)
            let size = try file.size()
            hasher.update("\(name) \(size)\n")
            try hasher.update(file, size: size)
        }
        return hasher.hexadecimal
    }
}
