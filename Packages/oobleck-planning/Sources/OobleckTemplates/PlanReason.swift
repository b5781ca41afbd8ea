package import OobleckValues
import OobleckWords

/// The reason for a plan, with numbers, in one line of at most 160 characters.
package struct PlanReason {
    /// Longest line.
    package static let lengthLimit = 160
    /// Said where not all ways to divide the nodes were compared by steps and copies.
    package static let tooMany = "too many divisions of the nodes to compare all"

    private let choice: PlanChoice
    private let minimumNodes: Int
    private let costModel: CostModel

    /// The reason for a choice by `costModel` among templates from `minimumNodes` nodes upward.
    package init(_ choice: PlanChoice, minimumNodes: Int, costModel: CostModel) {
        self.choice = choice
        self.minimumNodes = minimumNodes
        self.costModel = costModel
    }

    /// The line, with how stages use devices, what is to be copied between the plan and its runner-up,
    /// if anything, and whether all ways to divide the nodes were compared.
    package func line(
        devices: String? = nil,
        copy: String? = nil,
        comparesAll: Bool = true
    ) -> String {
        let best = choice.instantiation
        var parts: [String] = []
        if !choice.coversFaultTolerance { parts.append(warning) }
        parts.append(
            "\(Self.pipelines(best)): predicted step \(Self.time(best.step)) "
                + "(\(costModel.rawValue))"
        )
        if let devices { parts.append(devices) }
        if let cores = best.sharedCores {
            parts.append(cores.description(nodes: best.nodeCounts.reduce(0, +)))
        }
        if !best.isProved { parts.append("not proved the least: too many plans to try") }
        if let copy { parts.append(copy) }
        if choice.idleNodes > 0 {
            parts.append("\(counted(choice.idleNodes, "node")) idle, no template fits")
        }
        if let nextBest { parts.append(nextBest) }
        if !comparesAll { parts.append(Self.tooMany) }
        // If the line is too long, parts are dropped from the end; the least important part is
        // last.
        var line = parts.joined(separator: "; ")
        while line.count > Self.lengthLimit, parts.count > 1 {
            parts.removeLast()
            line = parts.joined(separator: "; ")
        }
        return String(line.prefix(Self.lengthLimit))
    }

    /// The runner-up, unless it equals the plan in everything that the line contains.
    private var nextBest: String? {
        guard let other = choice.runnerUp else { return nil }
        let (name, time) = (Self.pipelines(other), Self.time(other.step))
        guard time == Self.time(choice.instantiation.step) else {
            return "next best \(name) would take \(time)"
        }
        guard name != Self.pipelines(choice.instantiation) else { return nil }
        return "next best \(name) would take as long"
    }

    private var warning: String {
        let tolerance = choice.wantedPipelines - 1
        let best = choice.instantiation
        return "warning: \(counted(tolerance, "loss")) at once not covered, "
            + "\(counted(best.nodeCounts.count, "copy")) of each layer, "
            + "\(wanted) would do"
    }

    /// The resource that is too scarce for f + 1 pipelines: nodes, or microbatches, of which each
    /// pipeline needs one.
    private var wanted: String {
        let pipelines = choice.wantedPipelines
        let best = choice.instantiation
        let nodes = best.nodeCounts.reduce(choice.idleNodes, +)
        var wanted: [String] = []
        if best.microbatches.reduce(0, +) < pipelines {
            wanted.append("\(counted(pipelines, "microbatch"))")
        }
        if wanted.isEmpty || nodes < pipelines * minimumNodes {
            wanted.append("\(counted(pipelines * minimumNodes, "node"))")
        }
        return wanted.joined(separator: " and ")
    }

    /// As `2 pipelines of 2+3 nodes`, or `9 pipelines of 8x2+3 nodes` when they are many.
    package static func pipelines(_ instantiation: Instantiation) -> String {
        let sizes = instantiation.nodeCounts
        guard sizes.count > 1 else {
            return "1 pipeline of \(counted(sizes.first ?? 0, "node"))"
        }
        var terms = sizes.map { "\($0)" }
        if sizes.count > 4 {
            terms = Set(sizes).sorted().map { size in
                let copies = sizes.count { $0 == size }
                return copies > 1 ? "\(copies)x\(size)" : "\(size)"
            }
        }
        return "\(counted(sizes.count, "pipeline")) of \(terms.joined(separator: "+")) nodes"
    }

    /// As `12.34 s`, `84.1 ms`, `3.2 us` or `0 s`.
    package static func time(_ time: Seconds) -> String { time.duration }
}
