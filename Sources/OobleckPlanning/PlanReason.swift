import OobleckCore

/// Words for a plan: why this one, with numbers, in one line of at most 160 characters.
package struct PlanReason {
    /// Longest line.
    package static let lengthLimit = 160
    /// Said where not all ways to divide the nodes were compared by steps and copies.
    package static let tooMany = "too many divisions of the nodes to compare all"

    private let choice: PlanChoice
    private let minimumNodes: Int

    /// The reason for a choice among templates from `minimumNodes` nodes upward.
    package init(_ choice: PlanChoice, minimumNodes: Int) {
        self.choice = choice
        self.minimumNodes = minimumNodes
    }

    /// The line, with what is to be copied between the plan and its runner-up, if anything, and whether
    /// all ways to divide the nodes were compared.
    package func line(copy: String? = nil, comparesAll: Bool = true) -> String {
        let best = choice.instantiation
        var parts: [String] = []
        if !choice.coversFaultTolerance { parts.append(warning) }
        parts.append("\(Self.pipelines(best)): predicted step \(Self.time(best.step))")
        if !best.isProved { parts.append("not proved the least: too many plans to try") }
        if let copy { parts.append(copy) }
        if choice.idleNodes > 0 {
            parts.append("\(Self.count(choice.idleNodes, "node")) idle, no template fits")
        }
        if let other = choice.runnerUp {
            parts.append("next best \(Self.pipelines(other)) would take \(Self.time(other.step))")
        }
        if !comparesAll { parts.append(Self.tooMany) }
        // What does not fit goes from the end: the least important comes last.
        var line = parts.joined(separator: "; ")
        while line.count > Self.lengthLimit, parts.count > 1 {
            parts.removeLast()
            line = parts.joined(separator: "; ")
        }
        return String(line.prefix(Self.lengthLimit))
    }

    private var warning: String {
        let tolerance = choice.wantedPipelines - 1
        let best = choice.instantiation
        return "warning: \(Self.count(tolerance, "loss", plural: "losses")) at once not covered, "
            + "\(Self.count(best.nodeCounts.count, "copy", plural: "copies")) of each layer, "
            + "\(wanted) would do"
    }

    /// What there are too few of for a pipeline more than losses: each needs a microbatch too.
    private var wanted: String {
        let pipelines = choice.wantedPipelines
        let best = choice.instantiation
        let nodes = best.nodeCounts.reduce(choice.idleNodes, +)
        var wanted: [String] = []
        if best.microbatches.reduce(0, +) < pipelines { wanted.append("\(pipelines) microbatches") }
        if wanted.isEmpty || nodes < pipelines * minimumNodes {
            wanted.append("\(pipelines * minimumNodes) nodes")
        }
        return wanted.joined(separator: " and ")
    }

    /// As `2 pipelines of 2+3 nodes`, or `9 pipelines of 8x2+3 nodes` when they are many.
    package static func pipelines(_ instantiation: Instantiation) -> String {
        let sizes = instantiation.nodeCounts
        guard sizes.count > 1 else {
            return "1 pipeline of \(count(sizes.first ?? 0, "node"))"
        }
        var terms = sizes.map { "\($0)" }
        if sizes.count > 4 {
            terms = Set(sizes).sorted().map { size in
                let copies = sizes.count { $0 == size }
                return copies > 1 ? "\(copies)x\(size)" : "\(size)"
            }
        }
        return "\(sizes.count) pipelines of \(terms.joined(separator: "+")) nodes"
    }

    /// As `1 node` or `2 nodes`.
    package static func count(_ number: Int, _ noun: String, plural: String? = nil) -> String {
        "\(number) \(number == 1 ? noun : plural ?? noun + "s")"
    }

    /// As `12.34 s`, `84.1 ms`, `3.2 us` or `0 s`.
    package static func time(_ time: Seconds) -> String {
        if time == .zero { return "0 s" }
        let (unit, scale, places) =
            switch time.value {
            case 1...: ("s", 1.0, 100.0)
            case 1e-3...: ("ms", 1e3, 10.0)
            default: ("us", 1e6, 10.0)
            }
        return "\((time.value * scale * places).rounded() / places) \(unit)"
    }
}
