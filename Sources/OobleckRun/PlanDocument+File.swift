import Foundation
import OobleckCore
import OobleckData

extension PlanDocument {
    /// Reads a `plan.json`.
    ///
    /// Throws one line.
    package static func load(path: String) throws -> PlanDocument {
        let data = try InputFile.data(path, as: "plan")
        do {
            return try JSONDecoder().decode(PlanDocument.self, from: data)
        } catch {
            throw OobleckError(
                .inputData,
                "\(path) is not a plan that this program reads: \(oneLine(error))"
            )
        }
    }
}
