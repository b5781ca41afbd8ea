import Crypto
import Foundation
import OobleckCore
import OobleckData
import OobleckSimulator

/// The traces of the paper's figures.
struct EvaluationTraces {
    /// Times between failures, longest first, in milliseconds as in the published files.
    static let periods: [(name: String, milliseconds: Int)] = [
        ("6h", 21_600_000), ("3h", 10_800_000), ("1h", 3_600_000), ("30m", 1_800_000),
        ("10m", 601_200), ("5m", 298_800),
    ]

    /// A trace with what it is called and the digest of its file.
    struct Entry {
        let name: String
        let title: String
        let trace: PreemptionTrace
        let digest: String
    }

    /// One for each period.
    let frequencies: [Entry]
    /// The spot traces that are there.
    let spot: [Entry]
    /// An unscaled one, if there is one.
    let unscaled: Entry?

    /// Traces from a folder of public files; without one, those of constant periods are made here.
    ///
    /// A made one loses the nodes in order of their names, which matters to Bamboo only.
    init(folder: String?) throws {
        var frequencies: [Entry] = []
        for (name, period) in Self.periods {
            if let found = try Self.find(["oobleck/\(name).csv", "\(name).csv"], in: folder) {
                frequencies.append(Self.entry(name, "every \(name)", found.trace, found.digest))
            } else {
                var events = (1...30).map {
                    PreemptionTrace.Event(milliseconds: 0, change: .add, node: "node\($0)")
                }
                events += (1...15).map {
                    PreemptionTrace.Event(
                        milliseconds: $0 * period,
                        change: .remove,
                        node: "node\($0)"
                    )
                }
                let trace = try PreemptionTrace(events: events)
                frequencies.append(Self.entry(name, "every \(name)", trace, "made here"))
            }
        }
        self.frequencies = frequencies
        let wanted = [
            ("scale_p3-trace.csv", "EC2 P3 (scaled)"),
            ("scale_gcp-trace.csv", "\"GCP\" (scaled; AWS g4dn in truth)"),
        ]
        spot = try wanted.compactMap { file, title in
            try Self.find(["oobleck/\(file)", "scaled/\(file)", file], in: folder)
                .map { Self.entry(file, title, $0.trace, $0.digest) }
        }
        unscaled = try Self.find(["bamboo/p3-trace.csv", "p3-trace.csv"], in: folder)
            .map { Self.entry("p3-trace.csv", "AWS p3 as recorded", $0.trace, $0.digest) }
    }

    private static func entry(
        _ name: String,
        _ title: String,
        _ trace: PreemptionTrace,
        _ digest: String
    ) -> Entry {
        Entry(name: name, title: title, trace: trace, digest: digest)
    }

    private static func find(
        _ names: [String],
        in folder: String?
    ) throws -> (trace: PreemptionTrace, digest: String)? {
        guard let folder else { return nil }
        for name in names {
            let path = folder + "/" + name
            guard FileManager.default.fileExists(atPath: path) else { continue }
            let data = try InputFile.data(path)
            let digest = SHA256.hash(data: data).map { String(format: "%02x", $0) }.joined()
            return (try TraceReader(path: path).read(), digest)
        }
        return nil
    }

    /// Name and digest of every trace, for provenance.
    var digests: [String] {
        (frequencies + spot + (unscaled.map { [$0] } ?? [])).map {
            "trace \($0.name): \($0.digest)"
        }
    }
}
