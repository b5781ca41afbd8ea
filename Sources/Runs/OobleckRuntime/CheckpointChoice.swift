import Foundation
import OobleckCore

/// Changes to what a job says of checkpoints.
package struct CheckpointChoice: Sendable {
    /// Whether there are to be none.
    var isOff = false
    var rhythm: CheckpointSpecification.Rhythm?
    var keep: Int?
    var directory: String?
    var wait: Seconds?

    /// The changes that are given; all others leave the job as it is.
    package init(
        isOff: Bool = false,
        rhythm: CheckpointSpecification.Rhythm? = nil,
        keep: Int? = nil,
        directory: String? = nil,
        wait: Seconds? = nil
    ) {
        self.isOff = isOff
        self.rhythm = rhythm
        self.keep = keep
        self.directory = directory
        self.wait = wait
    }

    /// The job's specification with the changes, its folder filled in.
    ///
    /// `nil` saves nothing. Throws one line when there is nothing to change.
    func applied(
        to specification: CheckpointSpecification?,
        runDirectory: String
    ) throws -> CheckpointSpecification? {
        if isOff { return nil }
        guard var new = specification ?? rhythm.map({ CheckpointSpecification($0) }) else {
            let given = [
                keep.map { _ in "--checkpoint-keep" },
                directory.map { _ in "--checkpoint-directory" },
                wait.map { _ in "--checkpoint-wait" },
            ]
            guard let option = given.compactMap({ $0 }).first else { return nil }
            throw OobleckError(
                .usage,
                "\(option) is set, but the job says checkpoint: none; add --checkpoint-every"
            )
        }
        if let rhythm { new.rhythm = rhythm }
        if let keep { new.keep = keep }
        if let wait { new.wait = wait }
        if let directory {
            new.directory = URL(fileURLWithPath: directory).standardizedFileURL.path
        }
        new.directory = new.directory ?? runDirectory + "/checkpoints"
        return new
    }
}
