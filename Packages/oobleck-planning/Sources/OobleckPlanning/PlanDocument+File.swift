import Foundation
import OobleckFiles
public import OobleckValues

extension PlanDocument {
    /// Reads and checks a `plan.json`.
    ///
    /// - Throws: ``OobleckError/Code/inputData`` with one line that names the file and what is wrong.
    public init(contentsOf path: String) throws {
        let data = Data(try TextFile.read(path, as: "plan").utf8)
        if let repeated = JSONKeys(Array(data)).repeated {
            throw OobleckError(.inputData, "\(path): an object has the key \(repeated) twice")
        }
        do {
            self = try JSONDecoder().decode(PlanDocument.self, from: data)
        } catch let error as OobleckError {
            throw OobleckError(error.code, "\(path): \(error.message)", problem: error.problem)
        } catch let error as DecodingError {
            let reason = DocumentFile.explain(error, as: "plan")
            throw OobleckError(
                .inputData,
                "\(path) is not a plan that this program reads: \(reason)"
            )
        }
    }

    /// Writes the plan, all at once: a reader sees the old file or the new one.
    ///
    /// - Throws: ``OobleckError/Code/inputData`` as ``PlanDocument/validate()``,
    ///   ``OobleckError/Code/storage`` when the file cannot be written.
    public func write(to path: String) throws {
        try validate()
        try DocumentFile.write(self, to: path)
    }
}
