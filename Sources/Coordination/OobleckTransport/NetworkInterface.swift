import Foundation
import OobleckCore

/// Where this machine can listen.
package enum NetworkInterface {
    /// The address of this machine that somebody named, as an address, a host name, or an interface
    /// such as `eth0`; of an interface or a name with both, the IPv4 address.
    ///
    /// Throws `.usage` with one line for what is not of this machine, and for all interfaces at
    /// once: those that a run needs are to be named.
    package static func address(_ name: String) throws -> String {
        let interfaces = try all()
        // As people write it with a port.
        let isBracketed = name.hasPrefix("[") && name.hasSuffix("]") && name.contains(":")
        let name = isBracketed ? String(name.dropFirst().dropLast()) : name
        if let interface = interfaces.first(where: { $0.name == name }) {
            return interface.address
        }
        let address = try resolve(name, interfaces)
        guard address != "0.0.0.0", address != "::" else {
            throw OobleckError(
                .usage,
                "cannot listen at \(name), which is every interface; name one of \(list(interfaces))"
            )
        }
        // All of 127/8 is this machine, though only one address of it is listed.
        guard address.hasPrefix("127.") || interfaces.contains(where: { $0.address == address })
        else {
            throw OobleckError(
                .usage,
                "cannot listen at \(name): this machine has no such address or interface; it has "
                    + list(interfaces)
            )
        }
        return address
    }

    /// The address of this machine from which it reaches a host: that of the interface to which its route
    /// leads.
    ///
    /// Nothing is sent. Throws `.usage` with one line where no route leads there.
    package static func address(towards target: HostPort) throws -> String {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(target.host, "\(target.port)", &hints, &found)
        guard status == 0, let remote = found?.pointee else {
            let reason = String(cString: gai_strerror(status))
            throw OobleckError(.usage, "no address for \"\(target.host)\" (\(reason))")
        }
        defer { freeaddrinfo(found) }
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(remote.ai_family, type, 0)
        defer { if descriptor >= 0 { close(descriptor) } }
        var own = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        guard descriptor >= 0, connect(descriptor, remote.ai_addr, remote.ai_addrlen) == 0 else {
            throw OobleckError(.usage, "no route to \(target.host): \(systemError())")
        }
        return withUnsafeMutablePointer(to: &own) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = getsockname(descriptor, $0, &length)
                return text($0)
            }
        }
    }

    /// All interfaces with their addresses, as `eth0 (10.0.0.3)`.
    package static func descriptions() throws -> [String] {
        try all().map { description($0) }
    }

    private static func description(_ interface: (name: String, address: String)) -> String {
        "\(interface.name) (\(interface.address))"
    }

    private static func list(_ interfaces: [(name: String, address: String)]) -> String {
        interfaces.map { description($0) }.joined(separator: ", ")
    }

    private static func all() throws -> [(name: String, address: String)] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else {
            throw OobleckError(.internalFault, "cannot list the interfaces: \(systemError())")
        }
        defer { freeifaddrs(first) }
        var found: [(name: String, address: String)] = []
        // IPv4 first: that is what a name alone stands for.
        for family in [AF_INET, AF_INET6] {
            var next = first
            while let interface = next?.pointee {
                next = interface.ifa_next
                guard let address = interface.ifa_addr,
                    Int32(address.pointee.sa_family) == family
                else { continue }
                let words = text(address)
                // What is valid on one link only needs its name with it, which gRPC does not take.
                guard !words.contains("%") else { continue }
                found.append((String(cString: interface.ifa_name), words))
            }
        }
        return found
    }

    private static func resolve(
        _ name: String,
        _ interfaces: [(name: String, address: String)]
    ) throws -> String {
        guard !name.contains("%") else {
            throw OobleckError(
                .usage,
                "cannot listen at \(name): addresses that are valid on one link only (fe80::) are "
                    + "not supported here; name another of \(list(interfaces))"
            )
        }
        var status: Int32 = 0
        for family in name.contains(":") ? [AF_INET6] : [AF_INET, AF_INET6] {
            var hints = addrinfo()
            hints.ai_family = family
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
            var found: UnsafeMutablePointer<addrinfo>?
            let result = getaddrinfo(name, nil, &hints, &found)
            defer { if result == 0 { freeaddrinfo(found) } }
            if result == 0, let address = found?.pointee.ai_addr { return text(address) }
            status = status == 0 ? result : status
        }
        let reason = String(cString: gai_strerror(status))
        throw OobleckError(
            .usage,
            "cannot listen at \(name): no such interface, and as a name of an address: \(reason)"
                + "; this machine has \(list(interfaces))"
        )
    }

    private static func text(_ address: UnsafeMutablePointer<sockaddr>) -> String {
        var buffer = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let isLong = Int32(address.pointee.sa_family) == AF_INET6
        let length = socklen_t(
            isLong ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
        )
        getnameinfo(
            address,
            length,
            &buffer,
            socklen_t(buffer.count),
            nil,
            0,
            Int32(NI_NUMERICHOST)
        )
        return String(
            decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)),
            as: UTF8.self
        )
    }
}
