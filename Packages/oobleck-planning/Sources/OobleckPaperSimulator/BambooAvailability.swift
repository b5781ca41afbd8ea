import OobleckSimulator
import OobleckValues

/// The law by which Bamboo's own simulator makes nodes come and go (`project_pactum/simulation`,
/// Thorpe et al., NSDI 2023).
///
/// Each hour every living node goes with one probability, at a random second, and each place that is
/// free or gets free is filled with another probability, which is drawn for each hour of the day. A
/// node that came may go in the same hour.
struct BambooAvailability {
    /// Probability that a node goes within an hour.
    let removal: Double
    /// The most nodes at once.
    let capacity: Int
    private let random: CounterRandom
    private var draws = 0
    private var nextNode = 1
    private var present: [String] = []
    private var events: [PreemptionTrace.Event] = []

    init(removal: Double, capacity: Int, seed: UInt64) {
        self.removal = removal
        self.capacity = capacity
        random = CounterRandom(seed: seed)
    }

    /// What happens within so many hours.
    static func trace(
        removal: Double,
        capacity: Int,
        hours: Int,
        seed: UInt64
    ) throws -> PreemptionTrace {
        var world = BambooAvailability(removal: removal, capacity: capacity, seed: seed)
        let additions = (0..<24).map { _ in world.draw() }
        for _ in 0..<capacity where world.draw() < additions[0] { world.add(at: 0) }
        for hour in 0..<hours {
            world.pass(hour * 3_600_000, addition: additions[hour % 24])
        }
        return try PreemptionTrace(events: world.events, end: hours * 3_600_000)
    }

    private mutating func draw() -> Double {
        draws += 1
        return random.uniform(stream: 0, index: draws)
    }

    private mutating func moment(_ probability: Double, in hour: Int) -> Int? {
        draw() < probability ? hour + 1000 * Int(draw() * 3600) : nil
    }

    private mutating func add(at time: Int) {
        let name = "node\(nextNode)"
        nextNode += 1
        present.append(name)
        events.append(PreemptionTrace.Event(milliseconds: time, change: .add, node: name))
    }

    private mutating func pass(_ hour: Int, addition: Double) {
        var leaving: [(time: Int, node: String)] = []
        for node in present {
            if let time = moment(removal, in: hour) { leaving.append((time, node)) }
        }
        var coming: [Int] = []
        for _ in 0..<capacity - present.count + leaving.count {
            if let time = moment(addition, in: hour) { coming.append(time) }
        }
        coming.sort(by: >)
        leaving.sort { $0.time > $1.time }
        while !leaving.isEmpty || !coming.isEmpty {
            if let first = leaving.last, first.time < coming.last ?? .max {
                leaving.removeLast()
                present.removeAll { $0 == first.node }
                let event = PreemptionTrace.Event(
                    milliseconds: first.time,
                    change: .remove,
                    node: first.node
                )
                events.append(event)
            } else if let time = coming.popLast(), present.count < capacity {
                add(at: time)
                guard let end = moment(removal, in: hour), end >= time else { continue }
                leaving.append((end, "node\(nextNode - 1)"))
                leaving.sort { $0.time > $1.time }
            }
        }
    }
}
