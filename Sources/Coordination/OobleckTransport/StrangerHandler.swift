import NIOCore
import OobleckCore

/// Stands first on each connection to the coordinator: ends it when the token does not come in
/// time, or too much else does.
final class StrangerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let gate: ConnectionGate
    private let visitor: ConnectionGate.Visitor
    private var receivedBytes = 0
    private var deadline: Scheduled<Void>?

    /// Used on the event loop of the connection only.
    private init(gate: ConnectionGate, visitor: ConnectionGate.Visitor) {
        self.gate = gate
        self.visitor = visitor
    }

    /// Puts a connection under watch, or ends it when there are too many.
    static func install(on channel: any Channel, gate: ConnectionGate) -> EventLoopFuture<Void> {
        guard let visitor = gate.enter(channel) else { return channel.close() }
        return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
                StrangerHandler(gate: gate, visitor: visitor),
                position: .first
            )
        }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let (channel, visitor) = (context.channel, visitor)
        let time = TimeAmount.nanoseconds(Int64(gate.bounds.handshake.value * 1e9))
        deadline = context.eventLoop.scheduleTask(in: time) {
            if !visitor.isKnown { channel.close(promise: nil) }
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        gate.leave(visitor)
    }

    /// What becomes active while the server shuts down would be handed to nobody, which gRPC takes
    /// for a mistake of the program.
    func channelActive(context: ChannelHandlerContext) {
        guard !gate.isClosed else {
            context.close(promise: nil)
            return
        }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !visitor.isKnown {
            receivedBytes += unwrapInboundIn(data).readableBytes
            guard receivedBytes <= gate.bounds.strangerBytes else {
                context.close(promise: nil)
                return
            }
        }
        context.fireChannelRead(data)
    }
}
