import OobleckCore

/// How a session of an agent or worker finds its coordinator, keeps it, and finds it again.
///
/// A value: it says when to connect and when to give up; what is sent and heard is its owner's.
package struct SessionLink: Sendable {
    /// What is to be done about the connection.
    package enum Step: Hashable, Sendable {
        /// Find the coordinator and open a stream to it.
        case connect
        /// Drop the stream, or the attempt to open one.
        case disconnect
        /// Give a sign of life.
        case beat
        /// Nobody was found in time: end.
        case giveUp(OobleckError)
    }

    private enum State: Hashable {
        case connecting(since: Seconds)
        case open
        case resting(until: Seconds)
        case over
    }

    package var deadlines: SessionDeadlines
    private var state: State
    /// Until when the coordinator has to be found.
    private var searchEnd: Seconds
    private var lastHeard: Seconds
    private var nextBeat: Seconds
    /// Why the last stream or attempt ended.
    private var lastReason = ""
    /// Whether the coordinator has ever answered.
    private var wasOpen = false

    package init(deadlines: SessionDeadlines, now: Seconds) {
        self.deadlines = deadlines
        state = .connecting(since: now)
        searchEnd = now + deadlines.search
        lastHeard = now
        nextBeat = now
    }

    /// Whether what is sent now goes to a coordinator that has answered.
    package var isOpen: Bool { state == .open }

    /// When ``wake(now:)`` is to be called at the latest.
    package var nextWake: Seconds {
        switch state {
        case .connecting(let since): min(since + deadlines.attempt, searchEnd)
        case .open: min(nextBeat, lastHeard + deadlines.silence)
        case .resting(let until): min(until, searchEnd)
        case .over: Seconds(.infinity)
        }
    }

    /// The coordinator answered the hello.
    package mutating func answered(budget: Seconds, wait: Seconds, now: Seconds) -> [Step] {
        guard state != .over else { return [] }
        deadlines.budget = budget
        deadlines.wait = wait
        state = .open
        wasOpen = true
        lastHeard = now
        nextBeat = now + deadlines.beat
        return [.beat]
    }

    /// Something came from the coordinator.
    ///
    /// False when it was silent for so long that it counts no more: another may have taken over.
    package mutating func heard(now: Seconds) -> Bool {
        // It is there, and has us wait: it may not be able to note that we came.
        if case .connecting = state {
            state = .connecting(since: now)
            searchEnd = now + deadlines.search
        }
        guard state == .open, now - lastHeard > deadlines.silence else {
            lastHeard = now
            return true
        }
        return false
    }

    /// The stream ended, or could not be opened.
    package mutating func closed(_ reason: String, now: Seconds) -> [Step] {
        guard state != .over else { return [] }
        if state == .open { searchEnd = now + deadlines.search }
        lastReason = reason
        let waited = now - (searchEnd - deadlines.search)
        state = .resting(until: now + deadlines.pause(after: waited))
        return wake(now: now)
    }

    package mutating func wake(now: Seconds) -> [Step] {
        switch state {
        case .over: return []
        case .open:
            if now - lastHeard > deadlines.silence {
                return [.disconnect] + closed("the coordinator fell silent", now: now)
            }
            guard now >= nextBeat else { return [] }
            nextBeat = now + deadlines.beat
            return [.beat]
        case .connecting(let since):
            if now >= searchEnd { return [.disconnect] + giveUp() }
            guard now - since >= deadlines.attempt else { return [] }
            return [.disconnect] + closed("no answer", now: now)
        case .resting(let until):
            if now >= searchEnd { return giveUp() }
            guard now >= until else { return [] }
            state = .connecting(since: now)
            return [.connect]
        }
    }

    /// Looks for a coordinator only as long as somebody waits who wants the process to end.
    package mutating func hurry(now: Seconds) {
        guard state != .open, state != .over else { return }
        searchEnd = min(searchEnd, now + deadlines.lastSearch)
    }

    /// No step follows.
    package mutating func end() { state = .over }

    private mutating func giveUp() -> [Step] {
        state = .over
        let limit = Int(deadlines.search.value.rounded())
        let what = wasOpen ? "lost the coordinator, and found none again" : "found no coordinator"
        let why = lastReason.isEmpty ? "" : ": \(lastReason)"
        return [.giveUp(OobleckError(.outOfNodes, "\(what) within \(limit) s\(why)"))]
    }
}
