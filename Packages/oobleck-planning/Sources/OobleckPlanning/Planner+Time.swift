public import OobleckTemplates
public import OobleckValues

extension Planner {
    /// The templates and the plan of generation 0, with the time that planning took in
    /// ``PlanDocument/planningTime``.
    ///
    /// - Parameters:
    ///   - nodes: How many nodes there are.
    ///   - faultTolerance: f: how many nodes may always be lost at once.
    ///   - microbatches: Microbatches of one step over all pipelines.
    ///   - sizes: The smallest and the largest template.
    /// - Returns: A plan that survives any f losses.
    /// - Throws: ``OobleckError/Code/noPlan`` if there is no such plan, with the reason in
    ///   ``OobleckError/problem``; ``OobleckError/Code/usage`` for numbers that make no sense.
    public func plan(
        nodes: Int,
        faultTolerance: Int = 1,
        microbatches: Int,
        sizes: TemplateSizes = .published
    ) throws -> PlanDocument {
        let clock = ContinuousClock()
        let start = clock.now
        let templates = try templates(nodes: nodes, faultTolerance: faultTolerance, sizes: sizes)
        let middle = clock.now
        var document = try plan(nodes: nodes, microbatches: microbatches, templates: templates)
        document.planningTime = PlanningTime(
            templates: Seconds(middle - start),
            instantiation: Seconds(clock.now - middle)
        )
        return document
    }
}

extension Seconds {
    /// The time of a clock.
    init(_ duration: Duration) { self.init(duration / .seconds(1)) }
}
