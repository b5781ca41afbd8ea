import OobleckCore

/// Storage that fails for a while: the shell's ``DirectiveQueue`` makes decisions wait for it.
extension Coordinator {
    /// An event as of now, for what the shell itself has to tell.
    package func event(_ content: RunEvent.Content) -> RunEvent {
        RunEvent(generation: lastGeneration ?? 0, step: committedSteps, content)
    }

    /// Nothing could be decided for a while, up to `now`: that counts against no node.
    mutating func forgive(_ absence: Seconds, now: Seconds) {
        attendance.lastAbsence = now
        for node in members.keys {
            if let heard = members[node]?.agentHeard {
                members[node]?.agentHeard = min(now, heard + absence)
            }
            for device in members[node]?.workers.indices ?? 0..<0 {
                guard let heard = members[node]?.workers[device].heard else { continue }
                members[node]?.workers[device].heard = min(now, heard + absence)
            }
        }
        shiftDeadlines(by: absence, now: now)
    }

    mutating func storageRestored(after wait: Seconds, now: Seconds) {
        forgive(wait, now: now)
        // The next tick finds no other absence.
        attendance.lastTick = now
    }
}
