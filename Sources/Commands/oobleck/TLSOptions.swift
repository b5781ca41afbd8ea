import ArgumentParser
import OobleckCore
import OobleckTransport

/// Certificates for control messages; all three or none.
struct TLSOptions: ParsableArguments {
    @Option(help: "Our certificate (PEM); control messages then go over mutual TLS.")
    var tlsCert: String?

    @Option(help: "The certificate's key (PEM).")
    var tlsKey: String?

    @Option(help: "The authority (PEM) that signed the certificates of both sides.")
    var tlsCa: String?

    /// The options as they were given.
    var arguments: [String] {
        [("--tls-cert", tlsCert), ("--tls-key", tlsKey), ("--tls-ca", tlsCa)]
            .flatMap { option, value in value.map { [option, $0] } ?? [] }
    }

    /// The certificates; `nil` is plain text.
    ///
    /// Throws one line when an option is missing or a file is no good.
    func read() throws -> ControlTLS? {
        try ControlTLS(certificatePath: tlsCert, keyPath: tlsKey, authorityPath: tlsCa)
    }
}
