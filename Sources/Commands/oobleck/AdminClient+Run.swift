import OobleckCore
import OobleckLaunch
import OobleckRunFiles
import OobleckTransport

extension AdminClient {
    /// A client of the run in a directory.
    ///
    /// Throws one line when it does not go on.
    init(run path: String, _ options: TLSOptions) throws {
        try self.init(RunDirectory.open(path: path), tls: options.read())
    }

    /// A client of the run in a directory, with these certificates or the run's own.
    ///
    /// Throws one line when it does not go on.
    init(_ directory: RunDirectory, tls given: ControlTLS?) throws {
        let path = directory.path
        guard directory.isRunning else {
            throw OobleckError(
                .usage,
                directory.isFinished
                    ? "the run in \(path) is finished; nodes neither join nor leave it any more"
                    : "the run in \(path) has no coordinator now; have it go on, then ask again: "
                        + directory.resumeCommand
            )
        }
        let endpoint = try directory.endpoint()
        // A launcher leaves its certificate in the run's directory.
        let own = CertificateFiles(directory.certificatesPath)
        let tls = try given ?? (own.exist ? ControlTLS(own) : nil)
        guard (tls != nil) == (endpoint.tls ?? false) else {
            throw OobleckError(
                .usage,
                tls == nil
                    ? "the run in \(path) speaks TLS; give --tls-cert, --tls-key and --tls-ca"
                    : "the run in \(path) does not speak TLS; leave the --tls options out"
            )
        }
        self.init(
            coordinator: CoordinatorAddress(host: endpoint.host, port: endpoint.port),
            token: try directory.token(),
            tls: tls
        )
    }
}
