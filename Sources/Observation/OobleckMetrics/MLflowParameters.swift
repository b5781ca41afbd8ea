import Foundation
import OobleckCore

/// A job as the parameters of an MLflow run.
enum MLflowParameters {
    /// Most characters of a value.
    private static let longest = 500

    /// The job's values by their places, as `optimizer.learning_rate`, in the order of the names.
    ///
    /// An imported model counts by its name and digest; of more than MLflow takes, the last are left out.
    static func of(_ job: JobSpecification) throws -> [MLflowServer.Pair] {
        let data = try JSONEncoder().encode(job)
        var pairs: [String: String] = ["model.name": job.model.name]
        add(try JSONSerialization.jsonObject(with: data), at: "", to: &pairs)
        return pairs.sorted { $0.key < $1.key }.prefix(MLflowServer.mostParameters).map {
            MLflowServer.Pair(key: $0.key, value: String($0.value.prefix(longest)))
        }
    }

    private static func add(_ value: Any, at place: String, to pairs: inout [String: String]) {
        switch value {
        case let object as [String: Any]:
            for (key, value) in object where key != "manifest" {
                add(value, at: place.isEmpty ? key : "\(place).\(key)", to: &pairs)
            }
        case let list as [Any]:
            pairs[place] = list.map { "\($0)" }.joined(separator: ",")
        case is NSNull: break
        default: pairs[place] = "\(value)"
        }
    }
}
