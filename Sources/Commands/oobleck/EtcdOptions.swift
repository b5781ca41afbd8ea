import ArgumentParser
import OobleckCore
import OobleckStoreEtcd

/// What gives access to the etcd of `--coordination`.
struct EtcdOptions: ParsableArguments {
    @Option(help: "The authority (PEM) of etcd's certificates; etcd is then spoken to over TLS.")
    var etcdCa: String?

    @Option(help: "Our certificate (PEM) for an etcd that asks for one.")
    var etcdCert: String?

    @Option(help: "That certificate's key (PEM).")
    var etcdKey: String?

    @Option(help: "The user that etcd knows us as.")
    var etcdUser: String?

    @Option(help: "A file, of mode 0600, with that user's password.")
    var etcdPasswordFile: String?

    /// The location that was named, with this access; `nil` without one.
    ///
    /// Throws one line when an option is missing or a file is no good.
    func location(_ coordination: String?, run: String) throws -> EtcdLocation? {
        let access = try EtcdAccess(
            authorityPath: etcdCa,
            certificatePath: etcdCert,
            keyPath: etcdKey,
            user: etcdUser,
            passwordPath: etcdPasswordFile
        )
        guard let coordination else {
            guard access == EtcdAccess() else {
                throw OobleckError(
                    .usage,
                    "the --etcd options say how to reach the etcd of --coordination; name that, too"
                )
            }
            return nil
        }
        let location = try EtcdLocation(parsing: coordination, run: run, access: access)
        try location.access.requireFiles()
        return location
    }
}
