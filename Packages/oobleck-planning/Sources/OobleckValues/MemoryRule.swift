/// Memory that a worker needs beyond that of its layers (`profile.json`, `memory_rule`).
///
/// A measured profile has one. Without it a stage is charged for parameters, gradients, optimizer state
/// and activations alone, as in the paper (section 4.1).
public struct MemoryRule: Hashable, Sendable, Codable {
    /// Bytes of a worker's process before it has a layer.
    public var processBytes: ByteCount
    /// Boundary tensors, each as large as a layer's output, that are received ahead or being sent.
    public var boundaryTensors: Int
    /// Copies of a stage's parameters and optimizer state that are written to a checkpoint while
    /// training continues.
    public var stateCopiesTraining: Int
    /// Copies as large as a stage's parameters and optimizer state that exist while a plan changes:
    /// the layers held before, and those being written to a checkpoint.
    public var stateCopiesChanging: Int

    /// A rule of the given charges.
    public init(
        processBytes: ByteCount,
        boundaryTensors: Int,
        stateCopiesTraining: Int,
        stateCopiesChanging: Int
    ) {
        self.processBytes = processBytes
        self.boundaryTensors = boundaryTensors
        self.stateCopiesTraining = stateCopiesTraining
        self.stateCopiesChanging = stateCopiesChanging
    }

    package enum CodingKeys: String, CodingKey, CaseIterable {
        case processBytes = "process_bytes"
        case boundaryTensors = "boundary_tensors"
        case stateCopiesTraining = "state_copies_training"
        case stateCopiesChanging = "state_copies_changing"
    }

    /// No charges.
    package static let none = MemoryRule(
        processBytes: 0,
        boundaryTensors: 0,
        stateCopiesTraining: 0,
        stateCopiesChanging: 0
    )

    private static let mostBoundaryTensors = 1000
    private static let mostCopies = 10

    /// Throws ``OobleckError/Code/inputData`` with one line when a value makes no sense.
    func validate() throws {
        let counts = [
            ("boundary_tensors", boundaryTensors, Self.mostBoundaryTensors),
            ("state_copies_training", stateCopiesTraining, Self.mostCopies),
            ("state_copies_changing", stateCopiesChanging, Self.mostCopies),
        ]
        for (name, value, most) in counts where !(0...most).contains(value) {
            throw OobleckError(
                .inputData,
                "memory_rule: \(name) is \(value); it must be from 0 to \(most)"
            )
        }
        guard (0...ModelProfile.mostBytes).contains(processBytes.value) else {
            throw OobleckError(
                .inputData,
                "memory_rule: process_bytes is \(processBytes.value); it must be from 0 to "
                    + "\(ModelProfile.mostBytes)"
            )
        }
    }
}
