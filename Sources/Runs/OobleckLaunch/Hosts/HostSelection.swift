import OobleckCore
import OobleckText

/// Which hosts of a hostfile take part: `--include` and `--exclude`, in DeepSpeed's syntax.
///
/// `node1@node2:0,2` is all of `node1`, and the devices 0 and 2 of `node2`. Commas between hosts do as
/// well where no devices are named.
package struct HostSelection: Hashable, Sendable {
    private struct Part: Hashable {
        let host: String
        /// `nil` is all.
        let slots: [Int]?
    }

    private let option: String
    private let parts: [Part]

    /// Reads the value of `option`.
    ///
    /// Throws `.usage` with one line.
    package init(_ text: String, option: String) throws {
        self.option = option
        let separator: Character = text.contains("@") || text.contains(":") ? "@" : ","
        parts = try text.split(separator: separator, omittingEmptySubsequences: false).map { part in
            guard let colon = part.lastIndex(of: ":") else {
                guard !part.isEmpty else { throw Self.unreadable(text, option) }
                return Part(host: String(part), slots: nil)
            }
            let digits = part[part.index(after: colon)...]
            let slots = digits.split(separator: ",", omittingEmptySubsequences: false).map {
                Int($0)
            }
            guard colon > part.startIndex, slots.allSatisfy({ $0 ?? -1 >= 0 }) else {
                throw Self.unreadable(text, option)
            }
            return Part(host: String(part[..<colon]), slots: slots.compactMap { $0 })
        }
    }

    private static func unreadable(_ text: String, _ option: String) -> OobleckError {
        OobleckError(
            .usage,
            "\(option) is \"\(text)\"; it must be hosts of the hostfile with @ between them, as "
                + "node1@node2, or with devices, as node1@node2:0,1"
        )
    }

    /// The hosts that are named, with those of their devices that are.
    package func including(_ hosts: [HostEntry]) throws -> [HostEntry] {
        try check(hosts)
        return hosts.compactMap { host in
            let matches = parts.filter { $0.host == host.name }
            guard !matches.isEmpty else { return nil }
            return host.with(matches.flatMap { $0.slots ?? host.slots })
        }
    }

    /// The hosts without those that are named, or without their devices that are.
    package func excluding(_ hosts: [HostEntry]) throws -> [HostEntry] {
        try check(hosts)
        return hosts.compactMap { host in
            let gone = parts.filter { $0.host == host.name }.flatMap { $0.slots ?? host.slots }
            return host.with(host.slots.filter { !gone.contains($0) })
        }
    }

    private func check(_ hosts: [HostEntry]) throws {
        for part in parts {
            guard let host = hosts.first(where: { $0.name == part.host }) else {
                let near = NearestNames.of(part.host, among: hosts.map(\.name))
                let advice =
                    near.isEmpty ? "" : "; did you mean \(near.joined(separator: " or "))?"
                throw OobleckError(
                    .usage,
                    "\(option) names \(part.host), which is not in the hostfile\(advice)"
                )
            }
            if let slot = part.slots?.first(where: { !host.slots.contains($0) }) {
                let known = host.slots.map(String.init).joined(separator: ",")
                throw OobleckError(
                    .usage,
                    "\(option) names device \(slot) of \(part.host), which has \(known)"
                )
            }
        }
    }

    /// What is left of `hosts`.
    ///
    /// Throws `.usage` with one line when nothing is, or both options are given.
    package static func select(
        _ hosts: [HostEntry],
        include: String?,
        exclude: String?
    ) throws -> [HostEntry] {
        guard include == nil || exclude == nil else {
            throw OobleckError(.usage, "give --include or --exclude, not both")
        }
        var left = hosts
        if let include { left = try Self(include, option: "--include").including(hosts) }
        if let exclude { left = try Self(exclude, option: "--exclude").excluding(hosts) }
        guard !left.isEmpty else {
            throw OobleckError(.usage, "--exclude leaves no host; name fewer")
        }
        return left
    }
}

extension HostEntry {
    /// The host with these devices; `nil` without any.
    fileprivate func with(_ slots: [Int]) -> HostEntry? {
        guard !slots.isEmpty else { return nil }
        var host = self
        host.slots = Array(Set(slots)).sorted()
        return host
    }
}
