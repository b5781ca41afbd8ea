import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import OobleckCore

/// Where an HTTP server is: `https://host:port/path`.
struct HTTPPlace: Sendable {
    let isEncrypted: Bool
    let address: HostPort
    /// Without a slash at its end.
    let path: String

    /// Reads a URI without credentials, which belong into no command line.
    ///
    /// Throws ``OobleckError/Code/usage`` with one line that starts with `what` it is; the line does not have
    /// the URI where that may have a secret.
    init(parsing text: String, what: String) throws {
        let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, ["http", "https"].contains(parts[0]) else {
            throw OobleckError(.usage, "\(what) must begin with http:// or https://")
        }
        isEncrypted = parts[0] == "https"
        let end = parts[1].firstIndex(of: "/") ?? parts[1].endIndex
        let authority = parts[1][..<end]
        guard !authority.contains("@") else {
            throw OobleckError(
                .usage,
                "\(what) has a user in it; put user and password into MLFLOW_TRACKING_USERNAME and "
                    + "MLFLOW_TRACKING_PASSWORD, or a token into MLFLOW_TRACKING_TOKEN"
            )
        }
        let hasPort = authority.last.map { $0 != "]" } ?? false && authority.contains(":")
        let port = isEncrypted ? 443 : 80
        address = try HostPort(
            parsing: hasPort ? "\(authority)" : "\(authority):\(port)",
            what: what
        )
        var path = parts[1][end...]
        while path.hasSuffix("/") { path.removeLast() }
        guard path.allSatisfy({ $0.isASCII && !$0.isWhitespace && !"?#".contains($0) }) else {
            throw OobleckError(.usage, "\(what) has a path that makes no sense: \(path)")
        }
        self.path = String(path)
    }
}

/// One request to an HTTP server and its answer, on a connection of its own.
struct HTTPExchange: Sendable {
    /// Bytes of an answer that are read at most.
    static let mostBytes = 1 << 20

    struct Answer: Sendable {
        let status: Int
        let body: [UInt8]
    }

    let place: HTTPPlace
    /// Fields of each request, such as credentials.
    var headers: [(String, String)] = []
    /// How long a request may take in all.
    var deadline: Seconds = 5

    /// Asks, and waits for the answer; to be called from a thread that may wait.
    ///
    /// Throws one line when there is no answer in time. It has nothing of what was sent.
    func request(
        _ method: String,
        _ path: String,
        body: [UInt8] = []
    ) throws(OobleckError) -> Answer {
        do {
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let promise = loop.makePromise(of: Answer.self)
            let limit = TimeAmount.nanoseconds(Int64(deadline.value * 1e9))
            let end = loop.scheduleTask(in: limit) { promise.fail(Trouble.late) }
            let channel = try bootstrap(loop, promise, limit)
                .connect(host: place.address.host, port: place.address.port)
            channel.cascadeFailure(to: promise)
            channel.whenSuccess { send(method, path, body, on: $0) }
            defer {
                end.cancel()
                channel.whenSuccess { $0.close(promise: nil) }
            }
            return try promise.futureResult.wait()
        } catch Trouble.late {
            throw OobleckError(.storage, "no answer within \(Int(deadline.value)) s")
        } catch Trouble.closed {
            throw OobleckError(.storage, "it closed the connection without an answer")
        } catch Trouble.long {
            throw OobleckError(.storage, "its answer has more than \(Self.mostBytes) bytes")
        } catch {
            throw OobleckError(.storage, lineForPeople("\(error)"))
        }
    }

    private enum Trouble: Error {
        case late
        case closed
        case long
    }

    private func bootstrap(
        _ loop: any EventLoop,
        _ promise: EventLoopPromise<Answer>,
        _ limit: TimeAmount
    ) throws -> ClientBootstrap {
        let isName = place.address.form == .name
        let host = place.address.host
        let context =
            place.isEncrypted
            ? try NIOSSLContext(configuration: .makeClientConfiguration()) : nil
        return ClientBootstrap(group: loop).connectTimeout(limit).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                if let context {
                    try pipeline.addHandler(
                        NIOSSLClientHandler(context: context, serverHostname: isName ? host : nil)
                    )
                }
                try pipeline.addHTTPClientHandlers()
                try pipeline.addHandler(Reader(promise))
            }
        }
    }

    private func send(_ method: String, _ path: String, _ body: [UInt8], on channel: any Channel) {
        var fields = HTTPHeaders(headers)
        fields.add(name: "Host", value: place.address.description)
        fields.add(name: "Connection", value: "close")
        fields.add(name: "Content-Type", value: "application/json")
        fields.add(name: "Content-Length", value: "\(body.count)")
        let head = HTTPRequestHead(
            version: .http1_1,
            method: HTTPMethod(rawValue: method),
            uri: place.path + path,
            headers: fields
        )
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        let bytes = ByteBuffer(bytes: body)
        channel.write(HTTPClientRequestPart.body(.byteBuffer(bytes)), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    }

    /// Collects an answer.
    private final class Reader: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart

        private let promise: EventLoopPromise<Answer>
        private var status = 0
        private var body: [UInt8] = []

        init(_ promise: EventLoopPromise<Answer>) { self.promise = promise }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): status = Int(head.status.code)
            case .body(let bytes):
                body += bytes.readableBytesView
                guard body.count > HTTPExchange.mostBytes else { return }
                promise.fail(Trouble.long)
                context.close(promise: nil)
            case .end: promise.succeed(Answer(status: status, body: body))
            }
        }

        func channelInactive(context: ChannelHandlerContext) { promise.fail(Trouble.closed) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            promise.fail(error)
            context.close(promise: nil)
        }
    }
}
