/// A host and a port as people write them: `10.0.0.7:4711`, `head:4711`, `[fd00::7]:4711`.
package struct HostPort: Hashable, Sendable, CustomStringConvertible {
    /// What a host is named by.
    package enum Form: Sendable {
        case ipv4
        case ipv6
        case name
    }

    /// Without brackets.
    package var host: String
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`; an IPv6 address stands in brackets.
    ///
    /// Throws ``OobleckError/Code/usage`` with one line that starts with `what` it is.
    package init(parsing text: some StringProtocol, what: String) throws {
        let wrong = "\(what) is \"\(text)\""
        guard let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") else {
            throw OobleckError(.usage, "\(wrong); it must be HOST:PORT")
        }
        let (host, digits) = (text[..<colon], text[text.index(after: colon)...])
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        let bare = isBracketed ? host.dropFirst().dropLast() : host[...]
        guard isBracketed == bare.contains(":") else {
            let advice =
                isBracketed
                ? "only an IPv6 address stands in brackets"
                : "an IPv6 address stands in brackets, as in [::1]:4711"
            throw OobleckError(.usage, "\(wrong); \(advice)")
        }
        guard !bare.isEmpty, !bare.contains(where: { "[]".contains($0) }),
            let port = Int(digits), 1...65535 ~= port
        else { throw OobleckError(.usage, "\(wrong); it must be HOST:PORT") }
        guard !bare.contains("%") else {
            throw OobleckError(
                .usage,
                "\(wrong); addresses that are valid on one link only (fe80::) are not supported "
                    + "here: name another"
            )
        }
        self.init(host: String(bare), port: port)
    }

    package var form: Form {
        if host.contains(":") { return .ipv6 }
        return host.allSatisfy { $0.isNumber || $0 == "." } ? .ipv4 : .name
    }

    package var description: String { form == .ipv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
