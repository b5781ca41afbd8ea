/// What would help against trouble with storage, by what the system says of it.
package enum StorageAdvice {
    private static let noSpace = "No space left on device"
    private static let overQuota = "Disk quota exceeded"

    /// The system's words (`strerror` in the C locale, etcd's own), and what would help.
    private static let known: [(words: String, advice: String)] = [
        (noSpace, "free some space there"),
        (overQuota, "free some space there, or have the quota raised"),
        ("Read-only file system", "remount it for writing"),
        ("File too large", "raise the limit on file sizes (ulimit -f), and resume the run"),
        ("Input/output error", "look at the device's health (dmesg)"),
        ("Stale file handle", "mount the file system anew"),
        ("database space exceeded", "compact and defragment etcd, then disarm its NOSPACE alarm"),
        ("request is too large", "raise --max-request-bytes of etcd"),
        ("Permission denied", "give this user the right to write there"),
        ("permission denied", "give this etcd user a role that may read and write /oobleck/"),
        ("does not answer", "start it, or mend the network to it"),
    ]

    /// What would help, for a message that ends with the system's reason; `nil` is not known.
    package static func advice(for message: String) -> String? {
        known.first { message.contains($0.words) }?.advice
    }

    /// Whether a failure with this message may pass when files are removed.
    package static func isLackOfSpace(_ message: String) -> Bool {
        [noSpace, overQuota].contains { message.contains($0) }
    }

    /// The system's reason in a message `what: reason`, short enough for a live line.
    package static func reason(of message: String) -> String {
        if let words = known.first(where: { message.contains($0.words) })?.words { return words }
        return String(message.prefix(60))
    }
}
