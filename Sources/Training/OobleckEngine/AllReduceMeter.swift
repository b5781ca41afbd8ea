import Foundation
import OobleckCore
import OobleckTensor
import Synchronization

/// Measures all-reduces of gradient sums between two members on this machine, each on a thread of
/// its own, and extends them to more members by the ring formula.
final class AllReduceMeter {
    /// Member counts that a profile lists.
    private static let memberCounts = [2, 3, 4]
    /// Two threads of this process; no run depends on it yet.
    private static let formationMilliseconds = 10_000

    private let repetitions: Int
    private let groups: [CommunicationGroup]
    private var known: [Int: [Int: Seconds]] = [:]

    init(repetitions: Int) throws {
        self.repetitions = repetitions
        let stores = Mutex<[RendezvousStore]>([])
        // Each member's keys go to the other: with two members, to both, which does no harm.
        let publish: @Sendable (String, [UInt8]) -> Void = { key, value in
            for store in stores.withLock({ $0 }) { store.receive(key: key, value: value) }
        }
        let members = try [RendezvousStore(publish: publish), RendezvousStore(publish: publish)]
        stores.withLock { $0 = members }
        groups = try TwoThreads.run { rank in
            try CommunicationGroup(
                store: members[rank],
                name: "profile",
                rank: rank,
                size: 2,
                host: "127.0.0.1",
                formationMilliseconds: Self.formationMilliseconds,
                waitMilliseconds: Self.formationMilliseconds
            )
        }
        stores.withLock { $0 = [] }
    }

    /// Seconds by member count for sums of `elementCount` int64 values.
    func times(elementCount: Int) throws -> [Int: Seconds] {
        if let times = known[elementCount] { return times }
        let pair = try measurePair(elementCount: elementCount, .int64)
        var times: [Int: Seconds] = [:]
        for count in Self.memberCounts {
            // A ring of n moves 2 (n - 1) / n of the bytes through each member.
            times[count] = (2 * Double(count - 1) / Double(count)) * pair
        }
        known[elementCount] = times
        return times
    }

    /// Seconds by member count for sums of `elementCount` int64 values among twice as many members
    /// as there are pipelines, up to twice the most that a profile lists.
    func tiedTimes(elementCount: Int) throws -> [Int: Seconds] {
        let pair = try measurePair(elementCount: elementCount, .int64)
        return (2...2 * (Self.memberCounts.max() ?? 2)).reduce(into: [:]) { times, count in
            times[count] = (2 * Double(count - 1) / Double(count)) * pair
        }
    }

    /// The link from one member to the other, from the times of there and back with one element and
    /// with an activation's.
    func link(elementCount: Int) throws -> LinkFit {
        let empty = try measureWay(elementCount: 1)
        let full = try measureWay(elementCount: elementCount)
        return LinkFit(empty: empty, full: full, bytes: MemoryLayout<Float>.size * elementCount)
    }

    /// Half the median time of sending a tensor there and back.
    private func measureWay(elementCount: Int) throws -> Seconds {
        let groups = groups
        let repetitions = repetitions
        let times = try TwoThreads.run { rank in
            let tensor = try Tensor.zeros([elementCount])
            var times: [Seconds] = []
            for _ in 0...repetitions {
                let watch = Stopwatch()
                for turn in 0..<2 {
                    if turn == rank {
                        try groups[rank].startSend(tensor, to: 1 - rank, tag: turn).wait()
                    } else {
                        try groups[rank].startReceive(tensor, from: 1 - rank, tag: turn).wait()
                    }
                }
                times.append(watch.elapsed)
            }
            return times.dropFirst().sorted()[repetitions / 2]
        }
        return times[0] / 2
    }

    /// Median time of one all-reduce between the two members.
    func measurePair(elementCount: Int, _ type: ElementType) throws -> Seconds {
        let groups = groups
        let repetitions = repetitions
        let times = try TwoThreads.run { rank in
            let tensor = try Tensor.zeros([elementCount], type)
            var times: [Seconds] = []
            for _ in 0...repetitions {
                let watch = Stopwatch()
                try groups[rank].startAllReduce(tensor).wait()
                times.append(watch.elapsed)
            }
            return times.dropFirst().sorted()[repetitions / 2]
        }
        return times[0]
    }
}
