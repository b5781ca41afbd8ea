/// The order in which the stages of a pipeline run their forward and backward passes.
///
/// A plan names it for each pipeline, and all that runs or draws a pipeline asks it.
public enum PipelineSchedule: String, Hashable, Sendable, Codable, CaseIterable {
    /// One forward and one backward pass in turn (PipeDream-Flush: Narayanan et al., 2021).
    case oneForwardOneBackward = "1f1b"

    /// Reads the name of a schedule.
    ///
    /// - Throws: `DecodingError` where there is no string, ``OobleckError/Code/inputData`` for a
    ///   schedule that this version does not have.
    public init(from decoder: any Decoder) throws {
        let name = try decoder.singleValueContainer().decode(String.self)
        guard let known = Self(rawValue: name) else {
            let names = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw OobleckError(
                .inputData,
                "the plan has a pipeline with the schedule \"\(name)\"; this version runs \(names)"
            )
        }
        self = known
    }
}
