import Foundation
import OobleckCore
import OobleckData

extension PlanDocument {
    /// Reads a `plan.json`.
    ///
    /// Throws one line.
    package static func load(path: String) throws -> PlanDocument {
        let text = try TextFile.read(path, as: "plan")
        let data = Data(text.utf8)
        if let repeated = JSONKeys(Array(data)).repeated {
            throw OobleckError(.inputData, "\(path): an object has the key \(repeated) twice")
        }
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
