import Foundation
import OobleckClock
import OobleckCore
import Synchronization

/// Two network interfaces whose frames come out at the other one after a while, each after one of
/// its own, and in order.
///
/// A thread of its own carries them, from TAP device to TAP device.
final class DelayingLink: Sendable {
    private struct Frame {
        let arrived: Seconds
        let due: Seconds
        let bytes: [UInt8]
    }

    /// The interfaces' names.
    let ends: [String]
    private let descriptors: [Int32]
    private let longest: Seconds
    private let isEnded = Atomic(false)
    private let longestMicroseconds = Atomic(0)
    private let seed: UInt64

    private static let path = "/dev/net/tun"
    /// `TUNSETIFF`, and the flags `IFF_TAP | IFF_NO_PI`, of linux/if_tun.h.
    private static let setInterface: UInt = 0x4004_54ca
    private static let flags: Int16 = 0x1002
    /// Frames under way in one direction; what comes beyond is dropped, as by any router.
    private static let capacity = 10_000
    /// Frames taken at once before those that are due go on.
    private static let burst = 64
    /// Longest that the end of the link goes unnoticed.
    private static let patience: Seconds = 0.02

    /// Makes interfaces of these two names; they vanish with the link.
    ///
    /// A frame takes up to `longest`. Throws ``OobleckError/Code/internalFault`` with one line where there are no TAP devices.
    init(_ one: String, _ other: String, longest: Seconds, random: DrillRandom) throws {
        ends = [one, other]
        self.longest = longest
        var random = random
        seed = random.next()
        let first = try Self.open(one)
        do {
            descriptors = [first, try Self.open(other)]
        } catch {
            close(first)
            throw error
        }
    }

    /// Why there are no such links here; nothing when there are.
    static var obstacle: String? {
        let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else {
            return "delaying packets needs \(path): \(String(cString: strerror(errno)))"
        }
        close(descriptor)
        return nil
    }

    private static func open(_ name: String) throws -> Int32 {
        let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK)
        // struct ifreq: the name, then the flags.
        var request = [UInt8](repeating: 0, count: 40)
        request.replaceSubrange(0..<min(15, name.utf8.count), with: name.utf8.prefix(15))
        withUnsafeBytes(of: flags) { request.replaceSubrange(16..<18, with: $0) }
        guard descriptor >= 0, ioctl(descriptor, setInterface, &request) == 0 else {
            let reason = String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            throw OobleckError(.internalFault, "cannot make the interface \(name): \(reason)")
        }
        return descriptor
    }

    /// Carries frames from now on, until ``end()``.
    func start() {
        let thread = Thread { self.carry() }
        thread.name = "delaying link"
        thread.start()
    }

    /// How long the frame took that took longest so far.
    var longestWait: Seconds { Seconds(Double(longestMicroseconds.load(ordering: .relaxed)) / 1e6) }

    /// The interfaces vanish soon after; what is under way is lost.
    func end() { isEnded.store(true, ordering: .relaxed) }

    private func carry() {
        defer { for descriptor in descriptors { close(descriptor) } }
        var random = DrillRandom(seed: seed)
        var queues: [[Frame]] = [[], []]
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while !isEnded.load(ordering: .relaxed) {
            var waiting = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            poll(&waiting, nfds_t(waiting.count), milliseconds(until: queues))
            let now = MonotonicTime.now
            for (end, descriptor) in descriptors.enumerated() {
                for _ in 0..<Self.burst {
                    let count = read(descriptor, &buffer, buffer.count)
                    guard count > 0 else { break }
                    guard queues[end].count < Self.capacity else { continue }
                    let delay = Seconds(Double.random(in: 0...longest.value, using: &random))
                    let due = max(now + delay, queues[end].last?.due ?? .zero)
                    let bytes = Array(buffer[..<count])
                    queues[end].append(Frame(arrived: now, due: due, bytes: bytes))
                }
                pass(&queues[end], to: descriptors[1 - end], now)
            }
        }
    }

    /// Lets those out that are due.
    private func pass(_ frames: inout [Frame], to device: Int32, _ now: Seconds) {
        let count = frames.prefix { $0.due <= now }.count
        for frame in frames[..<count] {
            // What the kernel does not take is lost, and sent again by those who need it.
            _ = write(device, frame.bytes, frame.bytes.count)
            let waited = Int((now - frame.arrived).value * 1e6)
            if waited > longestMicroseconds.load(ordering: .relaxed) {
                longestMicroseconds.store(waited, ordering: .relaxed)
            }
        }
        frames.removeFirst(count)
    }

    /// How long to wait for frames that come in, at the most.
    private func milliseconds(until queues: [[Frame]]) -> Int32 {
        let next = queues.compactMap(\.first?.due).min().map { $0 - MonotonicTime.now }
        let wait = max(0, min(next ?? Self.patience, Self.patience))
        // Rounded up, so that what is due in less is not asked for again and again.
        return Int32((wait.value * 1000).rounded(.up))
    }
}
