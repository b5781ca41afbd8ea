public import OobleckReconfiguration
public import OobleckValues

extension PlanDocument {
    /// The next plan after losses and joins, with its reason, the layers to copy and the time that
    /// planning took.
    ///
    /// For many questions about one plan, ``Replanner`` prepares the answers once.
    ///
    /// - Parameters:
    ///   - lost: Nodes of the plan that are lost.
    ///   - joined: Nodes that the plan does not have and that hold nothing.
    ///   - profile: The profile that the plan was made from; without it bytes are unknown.
    ///   - policy: How the plan is found.
    ///   - costs: What plans are judged by.
    ///   - isLayoutOnly: Whether to plan although layers have no holder left.
    /// - Returns: The plan of the next generation.
    /// - Throws: ``OobleckError/Code/usage`` for nodes that make no sense,
    ///   ``OobleckError/Code/noPlan`` for layers without a holder or too few nodes,
    ///   ``OobleckError/Code/inputData`` for a profile of another model. ``OobleckError/problem``
    ///   has the nodes, the layers and the numbers.
    public func replanning(
        losing lost: [NodeID] = [],
        joining joined: [NodeID] = [],
        profile: ModelProfile? = nil,
        policy: ReplanPolicy = .optimal,
        costs: ReconfigurationCosts = ReconfigurationCosts(),
        isLayoutOnly: Bool = false
    ) throws -> PlanDocument {
        let clock = ContinuousClock()
        let start = clock.now
        var next = try Replanner(self, profile: profile, costs: costs).replan(
            losing: lost,
            joining: joined,
            policy: policy,
            isLayoutOnly: isLayoutOnly
        )
        next.planningTime.instantiation = Seconds(clock.now - start)
        return next
    }
}
