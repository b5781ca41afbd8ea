import Foundation
import OobleckClock
import OobleckCore

/// Tries whether a TCP port answers.
package enum ConnectionProbe {
    /// Why a connection to `target` cannot be made within `time`; `nil` when it can.
    package static func trouble(to target: HostPort, within time: Seconds) async -> String? {
        await withCheckedContinuation { continuation in
            do {
                try SystemThread.start(stackBytes: 256 << 10) {
                    continuation.resume(returning: connect(target, within: time))
                }
            } catch {
                continuation.resume(returning: "\(error)")
            }
        }
    }

    private static func connect(_ target: HostPort, within time: Seconds) -> String? {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(target.host, "\(target.port)", &hints, &found)
        guard status == 0, let address = found else { return String(cString: gai_strerror(status)) }
        defer { freeaddrinfo(found) }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(address.pointee.ai_family, type, 0)
        guard descriptor >= 0 else { return systemError() }
        defer { close(descriptor) }
        let result = Foundation.connect(
            descriptor,
            address.pointee.ai_addr,
            address.pointee.ai_addrlen
        )
        if result == 0 { return nil }
        guard errno == EINPROGRESS else { return systemError() }
        var event = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&event, 1, Int32(time.value * 1000)) > 0 else {
            return "no answer within \(Int(time.value.rounded(.up))) s"
        }
        var reason: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &reason, &length)
        return reason == 0 ? nil : systemError(reason)
    }
}
