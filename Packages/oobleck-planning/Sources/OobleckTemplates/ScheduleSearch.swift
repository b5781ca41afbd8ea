import OobleckValues

/// Finds the division with the least makespan of the real 1F1B schedule (cost model `schedule`).
///
/// It starts from two divisions: the best of `sosp23`, and the one with the least lower bound from
/// its stages (``ScheduleBounds``). The second is usually the answer, because its makespan equals
/// its bound. Then paths through all last stages are bounded together (``ScheduleLabels``), with
/// few labels first, and the remaining divisions are tried (``ScheduleBranches``). A stage's place
/// from the end determines its warmup and its microbatches in flight, so both searches run from the
/// last stage to the first.
///
/// A discarded division cannot be better by more than rounding. On a tie the division found first
/// is kept, so that of `sosp23` if it has the least makespan. Each part ends after a fixed number
/// of steps, the same on every machine. If that number was too small, ``least`` is a lower bound of
/// all divisions.
struct ScheduleSearch {
    /// How many labels of one place are kept: few first, as few mostly do.
    private static let labelCounts = [1, 4, 32, 256]

    private let problem: ScheduleProblem
    /// Of the labels together, and of what is tried.
    private let stepLimit: Int
    private var bounds: ScheduleBounds
    private var best: ScheduleDivision
    /// The limit that ``bounds`` were tightened for.
    private var tightened = Double.infinity
    private(set) var count = SearchCount()
    /// A lower bound of all divisions; `nil` when the one found is proved to have the least
    /// makespan.
    private(set) var least: Double?

    /// A search over `nodes` nodes from a division that fits.
    init(
        costs: StageCosts,
        stages: SearchStages,
        nodes: Int,
        start: PipelineTemplate,
        stepLimit: Int
    ) {
        problem = ScheduleProblem(costs: costs, stages: stages, nodes: nodes)
        self.stepLimit = stepLimit
        bounds = ScheduleBounds(
            costs: costs,
            stages: stages,
            nodes: nodes,
            microbatches: problem.microbatches
        )
        let division = start.stages.map { stage in
            SearchChoice(end: stage.endLayer, widthIndex: stage.devices.trailingZeroBitCount)
        }
        best = ScheduleDivision(time: problem.makespan(division), stages: division)
    }

    /// The division with the least makespan, or the best that was found.
    mutating func division() -> [SearchChoice] {
        best = improved(best)
        if bounds.least < best.limit, let division = bounds.division() { consider(division) }
        guard bounds.least < best.limit else { return best.stages }
        tighten()
        least = bounds.least
        boundByLabels()
        guard least != nil else { return best.stages }
        var branches = ScheduleBranches(
            ScheduleCandidates(problem: problem, bounds: bounds),
            best: best,
            stepLimit: stepLimit
        )
        branches.run()
        count.states += branches.tried
        count.steps += branches.steps
        best = branches.best
        if branches.isComplete { least = nil }
        return best.stages
    }

    /// Considers the divisions with the least bounds; raises ``least``, to `nil` if it proves the best.
    private mutating func boundByLabels() {
        var stepsLeft = stepLimit
        for most in Self.labelCounts where stepsLeft > 0 {
            let limit = best.limit
            var labels = ScheduleLabels(
                ScheduleCandidates(problem: problem, bounds: bounds),
                limit: limit,
                most: most
            )
            let result = labels.run(stepLimit: stepsLeft)
            count.steps += result.steps
            stepsLeft -= result.steps
            guard result.isComplete else { return }
            for (bound, division) in result.divisions where bound < best.limit {
                consider(division)
            }
            let bound = result.divisions.first?.bound ?? limit
            guard bound < best.limit else {
                least = nil
                return
            }
            least = max(least ?? 0, bound)
            guard result.hasMerged else { return }
            tighten()
        }
    }

    private mutating func consider(_ division: [SearchChoice]) {
        guard problem.stages.fits(division) else { return }
        count.states += 1
        let time = problem.makespan(division)
        let found = improved(ScheduleDivision(time: time, stages: division))
        if found.time < best.limit { best = found }
    }

    /// Moves single layers over the ends of stages as long as that helps: the earlier a good division
    /// is known, the more is cut.
    private mutating func improved(_ start: ScheduleDivision) -> ScheduleDivision {
        var best = start
        var hasImproved = true
        // Each round but the last lowers the makespan.
        while hasImproved {
            hasImproved = false
            for stage in best.stages.indices.dropLast() {
                for step in [-1, 1] {
                    var division = best.stages
                    division[stage].end += step
                    let previous = stage > 0 ? division[stage - 1].end : 0
                    guard previous < division[stage].end,
                        division[stage].end < division[stage + 1].end,
                        problem.stages.fits(division)
                    else { continue }
                    count.states += 1
                    let time = problem.makespan(division)
                    guard time < best.limit else { continue }
                    best = ScheduleDivision(time: time, stages: division)
                    hasImproved = true
                }
            }
        }
        return best
    }

    /// The bounds for the best so far; computed again only when that saves work.
    private mutating func tighten() {
        guard best.limit < tightened * (1 - 1e-5) else { return }
        tightened = best.limit
        bounds.tighten(below: tightened)
    }
}
