/// Names of the folders and files of checkpoints.
package enum CheckpointLayout {
    package static let manifestName = "manifest.json"

    /// Name of a layer's state file within its checkpoint.
    package static func fileName(ofLayer layer: Int) -> String {
        "layer-\(padded(layer, toWidth: 3)).safetensors"
    }

    /// Name of the folder of the checkpoint after `step` committed steps.
    package static func folderName(step: Int) -> String { "step-\(padded(step, toWidth: 6))" }

    /// Name of the folder of a save until it is published: no other save has the same, so that a
    /// writer that is late never writes into a newer one.
    package static func partialFolderName(step: Int, generation: Int) -> String {
        "\(folderName(step: step)).generation-\(generation).partial"
    }

    /// The step of a published checkpoint's folder; `nil` for any other name.
    package static func step(ofFolder name: String) -> Int? {
        guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), step >= 0,
            folderName(step: step) == name
        else { return nil }
        return step
    }

    /// Whether a folder is a save that was never published, or what is left of a removed one.
    package static func isLeftover(_ name: String) -> Bool {
        name.hasPrefix("step-") && name.hasSuffix(".partial")
    }

    /// What to do when one machine does not see what another has written.
    package static let sharedFolderCure =
        "checkpoint.directory must be a folder that all nodes and the coordinator share "
        + "(checkpoint: none saves nothing)"

    private static func padded(_ number: Int, toWidth width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
