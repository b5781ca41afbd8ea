import OobleckCore
import OobleckRunFiles
import OobleckTransport

extension CoordinatorLocator {
    /// Finds the coordinator where it listens now, as its run directory says, or else at the
    /// address `coordinator`, `HOST:PORT`.
    ///
    /// Throws one line.
    package init(coordinator: String, endpointPath: String?) throws {
        let address = try CoordinatorAddress(parsing: coordinator)
        guard let endpointPath else {
            self.init(address)
            return
        }
        self.init(hasStandby: false) {
            do {
                let endpoint = try CoordinatorEndpoint.read(endpointPath)
                return CoordinatorAddress(host: endpoint.host, port: endpoint.port)
            } catch {
                // It is replaced as a whole; where it is missing, the address is all we have.
                return address
            }
        }
    }
}
