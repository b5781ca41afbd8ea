extension LossCause {
    /// What tells that the node is lost, for people, without a subject.
    package var evidence: String {
        switch self {
        case .reported(let evidence), .outOfMemory(let evidence): return evidence
        case .silent(let side, let time):
            let whose = side.map { " from \($0.rawValue)" } ?? ""
            return "no sign of life\(whose) for \(EventText.tenths(time)) s"
        case .notReady(let limit): return "worker was not ready within \(limit.value) s"
        case .notBack(let side, let limit):
            return "its \(side.rawValue) did not come back within \(EventText.tenths(limit)) s"
        case .disconnected(let side): return "the connection of its \(side.rawValue) ended"
        case .doubled(let side, let pid, let known):
            let name = side.rawValue
            return "\(name) \(pid) connected beside \(name) \(known)"
        case .unprepared(let generation): return "did not prepare generation \(generation) in time"
        case .stuck(let step, let time):
            return
                "computed for \(EventText.tenths(time)) s at step \(step) without an end, while all "
                + "others waited"
        case .layersNotHandedIn: return "did not hand in its layers in time"
        case .cut(let others, let generations):
            return
                "it and \(EventText.nodes(others)) reach the coordinator, but in "
                + "\(counted(generations, "generation")) not each other"
        case .damaged(let times): return "its state was damaged \(counted(times, "time"))"
        case .wrongBits(let layer, let step, let how):
            return
                "computed wrong bits of layer \(layer) at step \(step): \(how); what it computed since "
                + "its last check may be wrong as well"
        case .arithmeticChanged(let mark):
            return
                "its arithmetic has changed since it joined: it computes other bits than the run "
                + "(\(mark)); what it computed since its last check may be wrong as well"
        }
    }
}

extension Damage {
    /// What was found, without what is done about it.
    package func finding(step: Int) -> String {
        switch self {
        case .copies(let node, let layers):
            let names = layers.map(\.description).joined(separator: ", ")
            return "node \(node) holds damaged state of layer \(names)"
        case .undecided(let layer, let nodes):
            let list = nodes.map(\.description).joined(separator: " and ")
            return
                "the copies of layer \(layer) on nodes \(list) differ at step \(step), and none is "
                + "known to be right"
        case .differentBits(let layer, let nodes):
            return
                "\(EventText.nodes(nodes)) compute different bits of layer \(layer) at step \(step)"
        }
    }

    func sentence(step: Int) -> String {
        switch self {
        case .copies: "\(finding(step: step)): copied anew, step \(step) is redone"
        case .undecided: finding(step: step)
        case .differentBits:
            "\(finding(step: step)): the step is tried again, and all prove their arithmetic"
        }
    }
}
