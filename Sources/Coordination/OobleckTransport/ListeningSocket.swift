import Foundation
import OobleckCore

/// A bound TCP socket, taken before anything is started so that a port in use costs nothing.
package struct ListeningSocket: Sendable {
    package let host: String
    package let port: Int
    /// Ours until the server takes it over.
    let descriptor: Int32

    /// Binds to `port` of `host`; port 0 takes any free one.
    ///
    /// Throws ``OobleckError/Code/usage`` with one line when that is not possible.
    package init(host: String, port: Int) throws {
        var hints = addrinfo()
        hints.ai_family = host.contains(":") ? AF_INET6 : AF_INET
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, "\(port)", &hints, &found)
        guard status == 0, let address = found else {
            let reason = String(cString: gai_strerror(status))
            throw OobleckError(.usage, "cannot listen on host \(host): \(reason)")
        }
        defer { freeaddrinfo(found) }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.pointee.ai_family, type, 0)
        guard descriptor >= 0 else {
            throw OobleckError(.internalFault, "cannot open a socket: \(systemError())")
        }
        var enabled: Int32 = 1
        setsockopt(
            descriptor,
            SOL_SOCKET,
            SO_REUSEADDR,
            &enabled,
            socklen_t(MemoryLayout<Int32>.size)
        )
        // Listening at once makes the claim exclusive.
        guard bind(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0,
            listen(descriptor, 128) == 0
        else {
            let reason = errno == EADDRINUSE ? "is in use" : "cannot be used: \(systemError())"
            close(descriptor)
            throw OobleckError(
                .usage,
                "port \(port) of \(host) \(reason); choose another --port, or 0 for any"
            )
        }
        self.descriptor = descriptor
        self.host = host
        self.port = Self.port(of: descriptor)
    }

    /// Gives the port back; only if no server took it over.
    package func discard() { close(descriptor) }

    private static func port(of descriptor: Int32) -> Int {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = getsockname(descriptor, $0, &length)
            }
            // Both families have the port in the same place.
            return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                Int(UInt16(bigEndian: $0.pointee.sin_port))
            }
        }
    }
}

/// What the system says of the last call that failed.
func systemError(_ number: Int32 = errno) -> String { String(cString: strerror(number)) }
