import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import OobleckCore

/// Serves routes over HTTP at one address while other work runs.
package struct HTTPServing: Sendable {
    /// Connections at a time; more wait.
    private static let mostConnections = 32

    /// Where to listen; port 0 takes any free one.
    private let address: HostPort
    /// What is served, for the complaint: `metrics`.
    private let what: String
    /// The option that names the address, for the complaint.
    private let option: String
    private let responder: any HTTPResponder<BasicRequestContext>

    /// A server at `address`.
    ///
    /// Requests and answers are not logged anywhere.
    package init(
        _ address: HostPort,
        what: String,
        option: String,
        routes: Router<BasicRequestContext>
    ) {
        (self.address, self.what, self.option) = (address, what, option)
        responder = routes.buildResponder()
    }

    /// Serves while `body` runs, which starts once the server listens and is told where.
    ///
    /// Throws ``OobleckError/Code/usage`` with one line when it cannot listen there.
    package func serving<Result: Sendable>(
        _ body: @Sendable @escaping (HostPort) async throws -> Result
    ) async throws -> Result {
        let (listening, signal) = AsyncStream<HostPort>.makeStream()
        let application = application { signal.yield($0) }
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask {
                defer { signal.finish() }
                do {
                    try await application.run()
                } catch {
                    throw OobleckError(
                        .usage,
                        "cannot serve \(what) at \(address): \(lineForPeople("\(error)")); "
                            + "choose another \(option)"
                    )
                }
                return nil
            }
            var bound: HostPort?
            for await address in listening {
                bound = address
                break
            }
            if let bound { group.addTask { try await body(bound) } }
            while let result = try await group.next() {
                guard let result else { continue }
                group.cancelAll()
                return result
            }
            throw CancellationError()
        }
    }

    private func application(
        onListening: @escaping @Sendable (HostPort) -> Void
    ) -> some ApplicationProtocol {
        let address = address
        return Application(
            responder: AnyResponder(responder),
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port),
                serverName: "oobleck",
                availableConnectionsDelegate: MaximumAvailableConnections(Self.mostConnections)
            ),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? address.port
                onListening(HostPort(host: address.host, port: port))
            },
            logger: Logger(label: "oobleck.\(what)") { _ in SwiftLogNoOpLogHandler() }
        )
    }
}

/// A responder of a type that an application can be made with.
private struct AnyResponder: HTTPResponder {
    let responder: any HTTPResponder<BasicRequestContext>

    init(_ responder: any HTTPResponder<BasicRequestContext>) { self.responder = responder }

    func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
        try await responder.respond(to: request, context: context)
    }
}

extension Response {
    /// An answer of text that no cache keeps.
    package static func text(
        _ status: HTTPResponse.Status = .ok,
        type: String = "text/plain; charset=utf-8",
        _ text: String
    ) -> Response {
        Response(
            status: status,
            headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }
}
