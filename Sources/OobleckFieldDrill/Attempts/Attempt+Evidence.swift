import OobleckCore
import OobleckRun

extension Attempt {
    /// What the run must have noted about the fault: an event, and what its message says.
    private var wanted: (kind: RunEvent.Kind, phrase: String)? {
        switch fault {
        case .loseMoreThanF: (.restored, "")
        case .checkpointDiskFull: (.checkpointFailed, "No space left")
        case .checkpointDiskFaulty: wantedOfDisk
        case .killCoordinator: (.restarted, "")
        // After the result there is nothing left to go on with.
        case .coordinatorAtPoints: variant.mentions(.afterResult) ? nil : (.restarted, "")
        case .slowNode: (.slow, "")
        case .nanLoss: (.skipped, "")
        case .bitFlip, .lateBitFlip: (.damaged, "")
        case .outOfMemory: (.outOfMemory, "")
        case .checkpointDamaged:
            switch variant {
            case .harm(.anotherRun): (.checkpointDamaged, "belongs to another job")
            default: (.checkpointDamaged, CheckpointLayout.fileName(ofLayer: 1))
            }
        case .quarantine, .strangers: (.refused, "")
        default: nil
        }
    }

    private var wantedOfDisk: (kind: RunEvent.Kind, phrase: String)? {
        guard case .disk(let fault) = variant else { return nil }
        return switch fault {
        case .inputOutputError: (.checkpointFailed, "Input/output error")
        case .torn, .flipped: (.checkpointFailed, CheckpointLayout.fileName(ofLayer: 3))
        case .slow: (.warning, "still being written")
        }
    }

    func checkEvents(_ run: ObservedRun, _ ending: inout Ending) throws {
        guard let wanted else { return }
        let events = try ObservedRun.events(run.path + "/events.jsonl")
        let isNoted = events.contains {
            $0.event.kind == wanted.kind
                && (wanted.phrase.isEmpty || $0.event.message.contains(wanted.phrase))
        }
        guard !isNoted else { return }
        let phrase = wanted.phrase.isEmpty ? "" : " with \"\(wanted.phrase)\""
        ending.problems.append("no event \(wanted.kind.rawValue)\(phrase)")
    }
}
