import NIOCore
import OobleckClock
import OobleckCore
import Synchronization

/// Who is connected to the coordinator's port, and who of them has shown the token.
///
/// A connection is a stranger until a hello or a request with the token came over it; strangers are
/// few, may send little, and have a deadline.
final class ConnectionGate: Sendable {
    /// One connection.
    final class Visitor: Sendable {
        private struct State {
            var isKnown = false
            var calls: RateLimit
        }

        let channel: any Channel
        /// The name that gRPC gives the peer.
        fileprivate let name: String
        private let state: Mutex<State>

        fileprivate init(_ channel: any Channel, calls: RateLimit.Allowance) {
            self.channel = channel
            name = ConnectionGate.name(of: channel)
            state = Mutex(State(calls: RateLimit(calls, now: MonotonicTime.now)))
        }

        /// Whether the token came over this connection.
        var isKnown: Bool { state.withLock { $0.isKnown } }

        fileprivate func recognize() { state.withLock { $0.isKnown = true } }

        /// Whether it may make one more call at this time.
        func takeCall() -> Bool { state.withLock { $0.calls.take(now: MonotonicTime.now) } }
    }

    private struct State {
        var visitors: [String: Visitor] = [:]
        /// Oldest first.
        var strangers: [Visitor] = []
        var isClosed = false
    }

    let bounds: ControlBounds
    private let state = Mutex(State())

    init(bounds: ControlBounds) { self.bounds = bounds }

    /// How many connections there are, and how many of them are strangers.
    var counts: (connections: Int, strangers: Int) {
        state.withLock { ($0.visitors.count, $0.strangers.count) }
    }

    /// Whether nobody is let in any more.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Lets nobody in from now on.
    func close() { state.withLock { $0.isClosed = true } }

    /// Ends all connections.
    func dropAll() {
        for visitor in state.withLock({ Array($0.visitors.values) }) {
            visitor.channel.close(promise: nil)
        }
    }

    /// Lets a new connection in, for which the oldest stranger may have to go; `nil` when all
    /// places are taken or it is closed.
    func enter(_ channel: any Channel) -> Visitor? {
        let visitor = Visitor(channel, calls: bounds.calls)
        let (isIn, evicted) = state.withLock { state -> (Bool, Visitor?) in
            guard !state.isClosed, state.visitors.count < bounds.connections else {
                return (false, nil)
            }
            let oldest = state.strangers.count >= bounds.strangers ? state.strangers.first : nil
            if oldest != nil { state.strangers.removeFirst() }
            state.strangers.append(visitor)
            state.visitors[visitor.name] = visitor
            return (true, oldest)
        }
        evicted?.channel.close(promise: nil)
        return isIn ? visitor : nil
    }

    /// A connection is gone.
    func leave(_ visitor: Visitor) {
        state.withLock { state in
            state.strangers.removeAll { $0 === visitor }
            // The same port may have been taken anew meanwhile.
            if state.visitors[visitor.name] === visitor { state.visitors[visitor.name] = nil }
        }
    }

    /// The connection that gRPC knows by this name; `nil` when it is gone.
    func visitor(_ peer: String) -> Visitor? { state.withLock { $0.visitors[peer] } }

    /// The token came over this connection.
    func recognize(_ visitor: Visitor) {
        visitor.recognize()
        state.withLock { $0.strangers.removeAll { $0 === visitor } }
    }

    /// The name that gRPC gives the peer of a channel.
    private static func name(of channel: any Channel) -> String {
        switch channel.remoteAddress {
        case .v4(let address): "ipv4:\(address.host):\(channel.remoteAddress?.port ?? 0)"
        case .v6(let address): "ipv6:[\(address.host)]:\(channel.remoteAddress?.port ?? 0)"
        case .unixDomainSocket, nil: "\(ObjectIdentifier(channel))"
        }
    }
}
