import OobleckCore
import OobleckRunFiles

extension Attempt {
    /// What the run must have noted about the fault: events, and what their messages say.
    private var wanted: [(kind: RunEvent.Kind, phrase: String)] {
        if fault == .strangers {
            return [(.refused, "may open 60 files"), (.refused, "is version")]
        }
        if fault == .runDiskFull {
            return [(.storageTrouble, "No space left"), (.storageRestored, "")]
        }
        return single.map { [$0] } ?? []
    }

    private var single: (kind: RunEvent.Kind, phrase: String)? {
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
        case .quarantine: (.refused, "")
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
        let events = wanted.isEmpty ? [] : try ObservedRun.events(run.path + "/events.jsonl")
        for (kind, phrase) in wanted {
            let isNoted = events.contains {
                $0.event.kind == kind && (phrase.isEmpty || $0.event.message.contains(phrase))
            }
            guard !isNoted else { continue }
            let said = phrase.isEmpty ? "" : " with \"\(phrase)\""
            ending.problems.append("no event \(kind.rawValue)\(said)")
        }
    }
}
