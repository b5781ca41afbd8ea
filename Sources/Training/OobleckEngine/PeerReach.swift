import Foundation
import OobleckClock
import OobleckCore

/// Finds out which other workers this one can reach, when a group of them could not be formed.
///
/// Each worker listens at a port that it sends to the others in control messages. A connection to
/// it only proves that the machine can be reached: no byte is read or written.
final class PeerReach: Sendable {
    /// How key and value of a rendezvous say where a worker listens.
    static let keyPrefix = "reach/"

    /// Connections that may wait to be dropped; a probe makes one.
    private static let backlog: Int32 = 1024
    /// Peers that are looked for at once.
    private static let mostPeers = 256

    /// Where this worker listens: "HOST PORT".
    let address: String
    private let socket: Int32

    /// Listens at a free port of `host`; throws one line when that is not possible.
    init(host: String) throws {
        var socket: Int32 = -1
        for candidate in try Endpoint.resolve(host: host, port: "0") where socket < 0 {
            socket = candidate.openSocket()
            guard socket >= 0 else { continue }
            if candidate.withAddress({ bind(socket, $0, $1) }) != 0
                || listen(socket, Self.backlog) != 0
            {
                close(socket)
                socket = -1
            }
        }
        guard socket >= 0, let port = Endpoint.port(of: socket) else {
            throw OobleckError(.internalFault, "cannot listen at \(host) for other workers")
        }
        self.socket = socket
        address = "\(host) \(port)"
    }

    deinit { close(socket) }

    /// Closes the connections that others made to probe this worker.
    func dropVisitors() {
        while true {
            let visitor = accept(socket, nil, nil)
            guard visitor >= 0 else { return }
            close(visitor)
        }
    }

    /// Returns the peers that cannot be reached at their advertised addresses.
    ///
    /// A machine that refuses the connection is reached: the process is gone, not the link. Ends early
    /// when `isOver` says so, and then returns no peer.
    static func unreached(
        _ peers: [WorkerID: String],
        within time: Seconds,
        isOver: () -> Bool
    ) -> [WorkerID] {
        var waiting: [(worker: WorkerID, socket: Int32)] = []
        var unreached: [WorkerID] = []
        for (worker, address) in peers.sorted(by: { $0.key < $1.key }).prefix(mostPeers) {
            switch Endpoint.connect(to: address) {
            case .pending(let socket): waiting.append((worker, socket))
            case .reached, .unknown: break
            case .failed: unreached.append(worker)
            }
        }
        defer { for (_, socket) in waiting { close(socket) } }
        let end = MonotonicTime.now + time
        while !waiting.isEmpty, MonotonicTime.now < end {
            if isOver() { return [] }
            var polled = waiting.map { pollfd(fd: $0.socket, events: Int16(POLLOUT), revents: 0) }
            _ = poll(&polled, nfds_t(polled.count), 20)
            for (index, entry) in polled.enumerated().reversed() where entry.revents != 0 {
                let (worker, socket) = waiting.remove(at: index)
                if !Endpoint.isReached(errorOf: socket) { unreached.append(worker) }
                close(socket)
            }
        }
        return (unreached + waiting.map(\.worker)).sorted()
    }
}

/// One address to listen at or to connect to.
private struct Endpoint {
    enum Attempt {
        case reached
        case pending(Int32)
        case failed
        /// The address makes no sense.
        case unknown
    }

    private var storage: sockaddr_storage
    private let length: socklen_t
    private let family: Int32

    static func resolve(host: String, port: String) throws -> [Endpoint] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, port, &hints, &list)
        guard status == 0 else {
            let reason = String(cString: gai_strerror(status))
            throw OobleckError(.internalFault, "cannot resolve \(host): \(reason)")
        }
        defer { freeaddrinfo(list) }
        var found: [Endpoint] = []
        var next = list
        // The list is the C library's until it is freed above.
        while let info = next?.pointee {
            var storage = sockaddr_storage()
            memcpy(&storage, info.ai_addr, Int(info.ai_addrlen))
            found.append(
                Endpoint(storage: storage, length: info.ai_addrlen, family: info.ai_family)
            )
            next = info.ai_next
        }
        return found
    }

    func openSocket() -> Int32 {
        let flags = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        return socket(family, Int32(flags), 0)
    }

    func withAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    static func connect(to address: String) -> Attempt {
        let parts = address.split(separator: " ")
        guard parts.count == 2 else { return .unknown }
        let found: [Endpoint]
        do {
            found = try resolve(host: String(parts[0]), port: String(parts[1]))
        } catch {
            // A name that does not resolve proves nothing about the link.
            return .unknown
        }
        guard let endpoint = found.first else { return .unknown }
        let socket = endpoint.openSocket()
        guard socket >= 0 else { return .unknown }
        if endpoint.withAddress({ Glibc.connect(socket, $0, $1) }) == 0 {
            close(socket)
            return .reached
        }
        if errno == EINPROGRESS { return .pending(socket) }
        let isRefused = errno == ECONNREFUSED
        close(socket)
        return isRefused ? .reached : .failed
    }

    static func isReached(errorOf socket: Int32) -> Bool {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) == 0 else { return false }
        return error == 0 || error == ECONNREFUSED
    }

    static func port(of socket: Int32) -> Int? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(socket, $0, &length)
            }
        }
        guard status == 0 else { return nil }
        // Both families have the port in the same place.
        return withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                Int(UInt16(bigEndian: $0.pointee.sin_port))
            }
        }
    }
}
