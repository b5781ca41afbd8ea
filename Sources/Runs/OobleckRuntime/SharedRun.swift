import Foundation
import OobleckClock
import OobleckCore
import OobleckData
import OobleckRunFiles
import OobleckTransport

/// A run whose directory this machine shares with the machine of its coordinator: there an agent finds
/// all that it has to know.
package struct SharedRun: Sendable {
    /// What the directory tells.
    package enum Sight: Hashable, Sendable {
        /// All steps are trained: nodes are not needed any more.
        case finished(steps: Int)
        /// A coordinator listens there, or did so when it was last seen.
        case ready(host: String, port: Int)
        /// No coordinator has told where it listens.
        case absent(reason: String)
    }

    /// How often the directory is looked at.
    private static let pause: Seconds = 0.25

    package let path: String
    /// Whether the token is to be read there.
    private let needsToken: Bool

    /// The run in the directory `path`.
    package init(path: String, needsToken: Bool) {
        self.path = path
        self.needsToken = needsToken
    }

    package var endpointPath: String { path + "/coordinator.json" }
    package var tokenPath: String { path + "/token" }

    /// Looks at the directory once.
    package func look() -> Sight {
        let manager = FileManager.default
        do {
            let directory = try RunDirectory.open(path: path)
            if directory.isFinished {
                return .finished(steps: try directory.result().steps)
            }
            guard manager.fileExists(atPath: endpointPath) else {
                return .absent(reason: "no coordinator has started in \(path)")
            }
            guard !needsToken || manager.fileExists(atPath: tokenPath) else {
                return .absent(reason: "\(tokenPath) is missing")
            }
            let endpoint = try directory.endpoint()
            return .ready(host: endpoint.host, port: endpoint.port)
        } catch {
            // The coordinator may be about to write it.
            return .absent(reason: oneLine(error))
        }
    }

    /// Waits until a coordinator has told where it listens; `nil` when the run is finished.
    ///
    /// Throws `.outOfNodes` with one line when none does so within `limit`.
    package func coordinator(within limit: Seconds) async throws -> CoordinatorAddress? {
        let end = MonotonicTime.now + limit
        while true {
            switch look() {
            case .finished: return nil
            case .ready(let host, let port): return CoordinatorAddress(host: host, port: port)
            case .absent(let reason):
                guard MonotonicTime.now < end else {
                    throw OobleckError(
                        .outOfNodes,
                        "found no coordinator within \(Int(limit.value.rounded())) s: \(reason)"
                    )
                }
            }
            try await Task.sleep(for: .seconds(Self.pause.value))
        }
    }
}
