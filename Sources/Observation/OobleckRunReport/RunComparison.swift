import Foundation
import OobleckCore
import OobleckData
import OobleckRunFiles

/// How two runs differ.
package struct RunComparison: Sendable, Codable {
    /// A key of the job with the values of both runs; `nil` where one has none.
    package struct Difference: Hashable, Sendable, Codable {
        package var key: String
        package var first: String?
        package var second: String?
    }

    /// Losses of a step that both committed.
    package struct Losses: Hashable, Sendable, Codable {
        /// Committed steps, this one included.
        package var step: Int
        package var first: Double
        package var second: Double
    }

    /// Numbers of one run.
    package struct Side: Hashable, Sendable, Codable {
        package var path: String
        package var steps: Int
        package var stateSHA256: String?
        package var lostNodes: Int
        package var recoveries: Int
        /// Medians; `nil` without any.
        package var recovery: Double?
        package var samplesPerSecond: Double?
        /// Time at work, and the share of it in steps that count.
        package var time: Double
        package var usefulShare: Double?

        private enum CodingKeys: String, CodingKey {
            case path, steps, recoveries
            case stateSHA256 = "state_sha256"
            case lostNodes = "lost_nodes"
            case recovery = "median_recovery_seconds"
            case samplesPerSecond = "median_samples_per_second"
            case time = "seconds"
            case usefulShare = "useful_share"
        }
    }

    package var first: Side
    package var second: Side
    package var job: [Difference]
    /// Steps that both committed with the same bits of loss, from the first on.
    package var equalSteps: Int
    /// Steps that both committed.
    package var commonSteps: Int
    /// A few steps that both committed, the last among them.
    package var losses: [Losses]
    /// Whether both have the same final state; `nil` unless both are finished.
    package var isSameState: Bool?

    private enum CodingKeys: String, CodingKey {
        case first, second, job, losses
        case equalSteps = "equal_steps"
        case commonSteps = "common_steps"
        case isSameState = "is_same_state"
    }

    /// Compares what the directories of two runs tell.
    package init(_ first: RunDirectory, _ second: RunDirectory) throws {
        let stories = (try RunStory(reading: first), try RunStory(reading: second))
        self.init(
            stories,
            paths: (first.path, second.path),
            job: Self.differences(
                try Self.flat(first.jobPath),
                try Self.flat(second.jobPath)
            )
        )
    }

    init(
        _ stories: (RunStory, RunStory),
        paths: (String, String),
        job: [Difference]
    ) {
        first = Self.side(stories.0, paths.0)
        second = Self.side(stories.1, paths.1)
        self.job = job
        let pairs = Array(zip(stories.0.steps, stories.1.steps))
        commonSteps = pairs.count
        equalSteps = pairs.prefix { $0.loss.bitPattern == $1.loss.bitPattern }.count
        let rows = 8
        let chosen = Set(
            pairs.isEmpty ? [] : (0..<rows).map { $0 * (pairs.count - 1) / (rows - 1) }
        )
        losses = chosen.sorted().compactMap { index in
            let (left, right) = (pairs[index].0.loss, pairs[index].1.loss)
            guard left.isFinite, right.isFinite else { return nil }
            return Losses(step: index + 1, first: left, second: right)
        }
        isSameState = stories.0.result.flatMap { left in
            stories.1.result.map { $0.stateSHA256 == left.stateSHA256 }
        }
    }

    private static func side(_ story: RunStory, _ path: String) -> Side {
        let page = RunPage(story, date: "")
        let times = page.recoveries.map(\.record.total.value)
        return Side(
            path: path,
            steps: story.steps.count,
            stateSHA256: story.result?.stateSHA256,
            lostNodes: page.lossCount,
            recoveries: times.count,
            recovery: ReportText.median(times),
            samplesPerSecond: ReportText.median(story.metrics.compactMap(\.samplesPerSecond)),
            time: page.clock.total,
            usefulShare: page.use.total > 0
                ? (page.use.seconds[.training] ?? 0) / page.use.total : nil
        )
    }

    /// The values of a JSON file by the path of their keys.
    private static func flat(_ path: String) throws -> [String: String] {
        let value = try JSONSerialization.jsonObject(
            with: Data(OpenFile(path, for: .readBack).rest(from: 0)),
            options: .fragmentsAllowed
        )
        var result: [String: String] = [:]
        func add(_ value: Any, _ key: String) {
            switch value {
            case let object as [String: Any]:
                for (name, value) in object { add(value, key.isEmpty ? name : "\(key).\(name)") }
            case let list as [Any]:
                for (index, value) in list.enumerated() { add(value, "\(key)[\(index)]") }
            default: result[key] = "\(value)"
            }
        }
        add(value, "")
        return result
    }

    static func differences(
        _ first: [String: String],
        _ second: [String: String]
    ) -> [Difference] {
        Set(first.keys).union(second.keys).sorted().compactMap { key in
            first[key] == second[key]
                ? nil : Difference(key: key, first: first[key], second: second[key])
        }
    }
}
