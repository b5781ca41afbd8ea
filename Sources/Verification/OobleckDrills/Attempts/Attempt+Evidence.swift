import OobleckCore
import OobleckRunFiles

/// An event that a run must have noted, told by its fields.
private struct WantedEvent: Sendable {
    /// For people, when it is missing.
    var what: String
    var matches: @Sendable (RunEvent.Content) -> Bool

    init(_ what: String, _ matches: @escaping @Sendable (RunEvent.Content) -> Bool) {
        self.what = what
        self.matches = matches
    }

    /// Any event of this kind.
    init(_ kind: RunEvent.Kind) {
        self.init(kind.rawValue) { $0.kind == kind }
    }

    /// A checkpoint that failed with these words of the system, or of the store, as its reason.
    static func checkpointFailed(_ words: String) -> WantedEvent {
        WantedEvent("checkpoint-failed with reason \"\(words)\"") {
            if case .checkpointFailed(let failed) = $0 {
                failed.reason.contains(words)
            } else {
                false
            }
        }
    }

    static func checkpointDamaged(_ words: String) -> WantedEvent {
        WantedEvent("checkpoint-damaged with reason \"\(words)\"") {
            if case .checkpointDamaged(_, let reason) = $0 { reason.contains(words) } else { false }
        }
    }

    static func misfit(_ obstacle: Refusal.Misfit.Obstacle) -> WantedEvent {
        WantedEvent("refused with obstacle \(obstacle.rawValue)") {
            if case .refused(.misfit(_, let misfit)) = $0 {
                misfit.obstacle == obstacle
            } else {
                false
            }
        }
    }

    static let storageFull = WantedEvent("storage-trouble for want of space") {
        if case .storageTrouble(.failing(let reason, _)) = $0 {
            StorageAdvice.isLackOfSpace(reason)
        } else {
            false
        }
    }

    static let saveSkipped = WantedEvent("warning with cause checkpoint-skipped") {
        if case .warning(.checkpointSkipped) = $0 { true } else { false }
    }
}

extension Attempt {
    /// What the run must have noted about the fault.
    private var wanted: [WantedEvent] {
        switch fault {
        case .strangers: [.misfit(.openFiles), .misfit(.programVersion)]
        case .runDiskFull: [.storageFull, WantedEvent(.storageRestored)]
        default: single.map { [$0] } ?? []
        }
    }

    private var single: WantedEvent? {
        switch fault {
        case .loseMoreThanF: WantedEvent(.restored)
        case .checkpointDiskFull: .checkpointFailed("No space left")
        case .checkpointDiskFaulty: wantedOfDisk
        case .killCoordinator, .etcdLeaderKilled: WantedEvent(.restarted)
        // After the result there is nothing left to go on with.
        case .coordinatorAtPoints:
            variant.mentions(.afterResult) ? nil : WantedEvent(.restarted)
        case .slowNode: WantedEvent(.slow)
        case .nanLoss: WantedEvent(.skipped)
        case .bitFlip, .lateBitFlip: WantedEvent(.damaged)
        case .outOfMemory: WantedEvent(.outOfMemory)
        case .checkpointDamaged:
            switch variant {
            case .harm(.anotherRun): .checkpointDamaged("belongs to another job")
            default: .checkpointDamaged(CheckpointLayout.fileName(ofLayer: 1))
            }
        case .quarantine: WantedEvent(.refused)
        default: nil
        }
    }

    private var wantedOfDisk: WantedEvent? {
        guard case .disk(let fault) = variant else { return nil }
        return switch fault {
        case .inputOutputError: .checkpointFailed("Input/output error")
        case .torn, .flipped: .checkpointFailed(CheckpointLayout.fileName(ofLayer: 3))
        case .slow: .saveSkipped
        }
    }

    func checkEvents(_ run: ObservedRun, _ ending: inout Ending) throws {
        let events = wanted.isEmpty ? [] : try ObservedRun.events(run.path + "/events.jsonl")
        for event in wanted where !events.contains(where: { event.matches($0.event.content) }) {
            ending.problems.append("no event \(event.what)")
        }
    }
}
