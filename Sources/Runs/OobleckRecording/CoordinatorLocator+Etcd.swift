import OobleckStoreEtcd
import OobleckTransport

extension CoordinatorLocator {
    /// Finds whoever leads the run at `location`.
    package init(_ location: EtcdLocation) {
        self.init(hasStandby: true) {
            let leader = try await EtcdLeader.current(location)
            return CoordinatorAddress(host: leader.host, port: leader.port)
        }
    }

    /// Finds the coordinator by what an agent's or worker's command line says, at least one of
    /// which must be there.
    ///
    /// Throws ``OobleckError/Code/usage`` with one line.
    package init(
        coordination: EtcdLocation?,
        coordinator: String?,
        endpointPath: String?
    ) throws {
        if let coordination {
            self.init(coordination)
        } else {
            self = try CoordinatorLocator(
                coordinator: coordinator ?? "",
                endpointPath: endpointPath
            )
        }
    }
}
