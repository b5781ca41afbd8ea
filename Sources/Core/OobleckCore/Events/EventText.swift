/// Numbers and lists as the sentences of events show them.
package enum EventText {
    package static func tenths(_ time: Seconds) -> Double { (time.value * 10).rounded() / 10 }

    package static func hundredths(_ value: Double) -> Double { (value * 100).rounded() / 100 }

    /// `node 3`, `nodes 2, 5`; in ascending order.
    package static func nodes(_ nodes: [NodeID]) -> String {
        let list = nodes.sorted().map(\.description).joined(separator: ", ")
        return "\(nodes.count == 1 ? "node" : "nodes") \(list)"
    }

    /// `12.3 ms`, to the tenth.
    static func milliseconds(_ time: Seconds) -> String { "\(tenths(1000 * time)) ms" }

    /// Whole milliseconds below 10 s, else seconds to the tenth.
    static func duration(_ time: Seconds) -> String {
        time < 10 ? "\(Int((time.value * 1000).rounded())) ms" : "\(tenths(time)) s"
    }
}

extension RecoveryRecord {
    /// One line for people: what was lost, and how long each part of the recovery took.
    package var summary: String {
        let parts = [
            "detected \(EventText.duration(detect))", "decided \(EventText.duration(decide))",
            "rebuilt \(EventText.duration(rebuild))",
            "copied \(transferBytes) in \(EventText.duration(transfer))",
            "resumed after \(EventText.duration(total))",
        ]
        let what = "\(EventText.nodes(lostNodes)) lost at step \(step)"
        return "\(what): \(parts.joined(separator: ", ")); \(reason)"
    }
}

extension NodeSlowness {
    /// `12.1 times`.
    package var times: String { "\(EventText.tenths(Seconds(factor))) times" }

    /// ` (computing a microbatch takes it 12.1 ms, them 4.8 ms)`, where that was measured.
    var comparison: String {
        guard let own, let peers else { return "" }
        func text(_ time: Seconds) -> String {
            "\(EventText.hundredths(1000 * time.value)) ms"
        }
        return " (computing a microbatch takes it \(text(own)), them \(text(peers)))"
    }
}
