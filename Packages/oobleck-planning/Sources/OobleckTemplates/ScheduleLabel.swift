import OobleckSchedule
import OobleckValues

/// What ``ScheduleLabels`` knows of some last stages of a division: how long paths through them take
/// at least, all in seconds.
///
/// Times of a stage are counted from the start of a forward pass to the end of a backward pass there.
struct ScheduleLabel {
    /// They take at least this, from what comes before on.
    var own = 0.0
    /// Their work and the handovers between them, there and back.
    private(set) var work = 0.0
    /// From microbatch l to microbatch 0 at their first stage, for each l of its warmup.
    private(set) var starts: [Double] = []
    /// With time reversed: from the last microbatch to the l-th before it.
    private(set) var ends: [Double] = []
    /// From microbatch x to the last one at their first stage, for the first x of the step.
    private var downTo: [Double]
    /// With time reversed: from microbatch 0 to the x-th before the last one.
    private var upFrom: [Double]
    /// The work and handovers of the first stage, of the first two and so on.
    ///
    /// A round through n stages advances n microbatches.
    private var rounds: [Double] = []
    private static let mostRounds = 4
    /// Where ``ScheduleLabels`` says how it came to be.
    var origin: Int32 = -1

    /// No stages; `horizon` is for how many x paths are known.
    init(horizon: Int) {
        downTo = [Double](repeating: 0, count: horizon)
        upFrom = downTo
    }

    /// How many they are.
    var stageCount: Int { starts.count }

    /// Puts a stage before them, for `microbatches` in all; returns the number of search steps.
    mutating func prepend(_ stage: StageTime, microbatches: Int) -> Int {
        let around = stage.forward.value + stage.backward.value
        let way = around + stage.handover.thereAndBack
        let warmup = stageCount
        work += way
        starts = Self.response(starts, pass: stage.forward.value, back: stage.backward.value, stage)
        ends = Self.response(ends, pass: stage.backward.value, back: stage.forward.value, stage)
        rounds = [around] + rounds.map { way + $0 }
        let slow = slowRounds()
        // Behind the horizon only the stage's own passes are followed.
        let rest = Double(microbatches - downTo.count) * around
        let (first, last) = (starts[0], ends[0])
        let down = Passes(stage, pass: stage.forward.value, warmup: warmup, slow, starts)
        down.follow(&downTo, end: rest + last)
        let up = Passes(stage, pass: stage.backward.value, warmup: warmup, slow, ends)
        up.follow(&upFrom, end: rest + first)
        own = max(own, downTo[0], upFrom[0])
        return 2 * (warmup + (1 + slow.count) * downTo.count)
    }

    /// The rounds that take longer than the first stage's passes of as many microbatches; the slowest
    /// few, which are enough for a bound.
    private func slowRounds() -> [(size: Int, time: Double)] {
        let slow = rounds.enumerated().map { (size: $0.offset + 1, time: $0.element) }
            .filter { $0.time > Double($0.size) * rounds[0] }
        guard slow.count > Self.mostRounds else { return slow }
        let ordered = slow.sorted { $0.time / Double($0.size) > $1.time / Double($1.size) }
        return Array(ordered.prefix(Self.mostRounds))
    }

    /// The stage's warmup from pass l on, or some passes of it, then the link's, then what is behind.
    private static func response(
        _ behind: [Double],
        pass: Double,
        back: Double,
        _ stage: StageTime
    ) -> [Double] {
        let warmup = behind.count
        let way = stage.handover.thereAndBack
        let step = max(pass, stage.handover.busy.value)
        var response = [Double](repeating: pass + back, count: warmup + 1)
        var rest = -Double.infinity
        for microbatch in (0..<warmup).reversed() {
            rest = max(behind[microbatch], rest + step)
            let own = Double(warmup - microbatch + 1) * pass
            response[microbatch] = back + max(own, pass + way + rest)
        }
        return response
    }

    /// How much longer than their work the first and the last microbatch take through them, for a
    /// stage before them with at least the times `passes`; `way` is its handover, there and back.
    func delays(passes: (forward: Double, backward: Double), way: Double) -> Double {
        delay(starts, passes.forward, way) + delay(ends, passes.backward, way)
    }

    private func delay(_ response: [Double], _ pass: Double, _ way: Double) -> Double {
        var delay = max(0, Double(response.count) * pass - work - way)
        for (microbatch, time) in response.enumerated() {
            delay = max(delay, Double(microbatch) * pass + time - work)
        }
        return delay
    }

    /// Whether nothing that the bounds ask for is greater; both have as many stages.
    func isNoWorse(than other: ScheduleLabel) -> Bool {
        guard own <= other.own, work <= other.work else { return false }
        return Self.isNoWorse(starts, other.starts) && Self.isNoWorse(ends, other.ends)
            && Self.isNoWorse(downTo, other.downTo)
            && Self.isNoWorse(upFrom, other.upFrom)
            && Self.isNoWorse(rounds, other.rounds)
    }

    private static func isNoWorse(_ left: [Double], _ right: [Double]) -> Bool {
        for index in left.indices where left[index] > right[index] {
            return false
        }
        return true
    }

    /// How far apart, in time.
    func distance(to other: ScheduleLabel) -> Double {
        var distance = abs(own - other.own)
        for index in starts.indices {
            distance +=
                abs(starts[index] - other.starts[index]) + abs(ends[index] - other.ends[index])
        }
        return distance
    }

    /// Becomes as good as either, with the origin of the one whose own bound is less.
    mutating func merge(_ other: ScheduleLabel) {
        if other.own < own { origin = other.origin }
        own = min(own, other.own)
        work = min(work, other.work)
        Self.merge(&starts, other.starts)
        Self.merge(&ends, other.ends)
        Self.merge(&downTo, other.downTo)
        Self.merge(&upFrom, other.upFrom)
        Self.merge(&rounds, other.rounds)
    }

    private static func merge(_ left: inout [Double], _ right: [Double]) {
        for index in left.indices { left[index] = min(left[index], right[index]) }
    }
}

/// The paths on from a microbatch at a stage that is put before others.
private struct Passes {
    private let around: Double
    private let way: Double
    private let busy: Double
    private let pass: Double
    private let warmup: Int
    private let rounds: [(size: Int, time: Double)]
    private let responses: [Double]

    init(
        _ stage: StageTime,
        pass: Double,
        warmup: Int,
        _ rounds: [(size: Int, time: Double)],
        _ responses: [Double]
    ) {
        around = stage.forward.value + stage.backward.value
        way = around + stage.handover.thereAndBack
        busy = stage.handover.busy.value
        self.pass = pass
        self.warmup = warmup
        self.rounds = rounds
        self.responses = responses
    }

    /// Makes times from each microbatch on to the end behind the stage those from the stage: behind
    /// it, at once or after the link was busy with some; or with one more pass at it; or its whole
    /// warmup first; or a round.
    func follow(_ times: inout [Double], end: Double) {
        var behind = -Double.infinity
        for passed in times.indices.reversed() {
            behind = max(times[passed], behind + busy)
            var time = warmup > 0 ? way + behind : 0
            if passed == times.count - 1 {
                time = max(time, end)
            } else if passed > warmup {
                time = max(time, around + times[passed + 1])
            } else {
                time = max(time, responses[passed] + times[warmup + 1])
                if passed < warmup { time = max(time, pass + times[passed + 1]) }
            }
            for round in rounds
            where passed + round.size < times.count && passed + round.size > warmup {
                time = max(time, round.time + times[passed + round.size])
            }
            times[passed] = time
        }
    }
}
