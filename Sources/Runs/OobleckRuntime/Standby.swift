import Foundation
import OobleckConsole
import OobleckCoordination
import OobleckCore
import OobleckRunFiles
import OobleckStoreEtcd
import OobleckTransport

/// A coordinator that waits until the one that leads a run is gone.
package struct Standby {
    /// The run to take up, and how.
    package struct Request: Sendable {
        var location: EtcdLocation
        /// Where to record the run from then on.
        var runDirectoryPath: String
        /// Address at which the coordinator listens.
        var listenHost: String
        var port: Int
        /// Certificates for control messages; `nil` is plain text.
        var tls: ControlTLS?

        package init(
            location: EtcdLocation,
            runDirectoryPath: String,
            listenHost: String = "127.0.0.1",
            port: Int = 0,
            tls: ControlTLS? = nil
        ) {
            self.location = location
            self.runDirectoryPath = runDirectoryPath
            self.listenHost = listenHost
            self.port = port
            self.tls = tls
        }
    }

    let request: Request
    let display: RunDisplay

    package init(request: Request, display: RunDisplay) {
        self.request = request
        self.display = display
    }

    /// Waits as long as it takes; returns `nil` when the run ended under another coordinator.
    ///
    /// Throws one line.
    package func takeOver() async throws -> RunStart? {
        display.say("standing by for \(request.location)")
        let start = try await RunStart.standBy(request) {
            ProcessSignals.shared.stopSignal != nil
        }
        guard !Task.isCancelled else {
            try start?.store.close()
            throw CancellationError()
        }
        guard let start else {
            display.say("the run is over; it needed no other coordinator")
            return nil
        }
        let steps = start.state?.committedSteps ?? 0
        display.say("taking over at step \(steps), in \(start.directory.path)")
        return start
    }
}
