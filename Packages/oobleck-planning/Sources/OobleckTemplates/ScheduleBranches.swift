/// Branch and bound from the last stage to the first (cost model `schedule`): tries whatever
/// ``ScheduleLabel`` does not exclude, most promising first.
///
/// Exponential in the worst case, if many divisions have a makespan above their label; therefore it
/// ends after a fixed number of steps.
struct ScheduleBranches {
    private var candidates: ScheduleCandidates
    private let stepLimit: Int
    private(set) var best: ScheduleDivision
    /// Divisions whose makespan was found.
    private(set) var tried = 0
    /// From the last stage on.
    private var choices: [SearchChoice] = []

    /// A search for better divisions than the best so far.
    init(_ candidates: ScheduleCandidates, best: ScheduleDivision, stepLimit: Int) {
        self.candidates = candidates
        self.best = best
        self.stepLimit = candidates.steps + stepLimit
    }

    var steps: Int { candidates.steps }
    /// Whether all divisions that may win were tried.
    var isComplete: Bool { steps <= stepLimit }

    mutating func run() {
        let problem = candidates.problem
        extend(candidates.start, end: problem.stages.layerCount, devicesLeft: problem.devices)
    }

    private mutating func extend(_ label: ScheduleLabel, end: Int, devicesLeft: Int) {
        guard end > 0, devicesLeft > 0 else {
            if end == 0, devicesLeft == 0 { consider() }
            return
        }
        let found = candidates.candidates(
            label,
            end: end,
            devicesLeft: devicesLeft,
            limit: best.limit
        )
        for candidate in found.sorted(by: { $0.bound < $1.bound })
        where candidate.bound < best.limit && isComplete {
            choices.append(candidate.choice)
            extend(candidate.label, end: candidate.first, devicesLeft: candidate.devicesLeft)
            choices.removeLast()
        }
    }

    private mutating func consider() {
        tried += 1
        let division = ScheduleDivision(
            time: candidates.problem.makespan(choices.reversed()),
            stages: choices.reversed()
        )
        if division.time < best.limit { best = division }
    }
}
