import Foundation
import OobleckCore
import OobleckRunFiles

/// How long a run took to find out about faults and to get over them, from its event log.
struct RunTimings {
    /// From each fault to the event that declares its node lost.
    private(set) var detected: [Seconds] = []
    /// From each fault to the first step that every node begins anew after it.
    private(set) var recovered: [Seconds] = []

    /// The timings of a run with the event log `path`, whose nodes were hit at these times of the
    /// monotonic clock.
    ///
    /// Throws `.inputData` when the log cannot be read.
    init(hits: [NodeID: Seconds], path: String) throws {
        let events = try ObservedRun.events(path)
        for (node, hit) in hits.sorted(by: { $0.key < $1.key }) {
            let loss = events.firstIndex { $0.event.kind == .nodeLost && $0.event.node == node }
            guard let loss else { continue }
            detected.append(max(0, events[loss].monotonic - hit))
            let end = events[loss...].first { [.recovered, .resumed].contains($0.event.kind) }
            if let end { recovered.append(max(0, end.monotonic - hit)) }
        }
    }

    /// The timings of a run whose coordinator was hit: until the next took over, and until all
    /// workers trained again.
    init(coordinatorHit hit: Seconds, path: String) throws {
        let events = try ObservedRun.events(path)
        guard let start = events.firstIndex(where: { $0.event.kind == .restarted }) else { return }
        detected.append(max(0, events[start].monotonic - hit))
        let end = events[start...].first { $0.event.kind == .resumed }
        if let end { recovered.append(max(0, end.monotonic - hit)) }
    }
}
