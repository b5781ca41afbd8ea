import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import OobleckCore
import OobleckRunReport
import OobleckServing

/// Serves the dashboard of some runs, on loopback, to whoever has its token.
package struct DashboardServer: Sendable {
    private let address: HostPort
    private let token: RunToken
    let shelf: RunShelf
    /// `nil` where nothing may be changed.
    let actor: DashboardActor?
    private let option: String

    /// A server at `address`; port 0 takes any free one.
    ///
    /// Throws `.usage` with one line that names the `option` for an address that others reach.
    package init(
        _ address: HostPort,
        option: String,
        token: RunToken,
        shelf: RunShelf,
        actor: DashboardActor?
    ) throws {
        guard RequestGuard.isLoopback(address.host) else {
            throw OobleckError(
                .usage,
                "\(option) is \(address), which other machines reach; the dashboard listens on loopback "
                    + "only (127.0.0.1:PORT): from elsewhere use ssh -L PORT:127.0.0.1:PORT"
            )
        }
        self.address = address
        self.option = option
        (self.token, self.shelf, self.actor) = (token, shelf, actor)
    }

    /// Serves while `body` runs, which is told the link to the page, the token in its fragment.
    ///
    /// Throws ``OobleckError/Code/usage`` with one line when it cannot listen there.
    package func serving<Result: Sendable>(
        _ body: @Sendable @escaping (_ link: String) async throws -> Result
    ) async throws -> Result {
        let routes = Router()
        routes.add(middleware: RequestGuard(token))
        addPage(to: routes)
        addQuestions(to: routes.group("api"))
        addActions(to: routes.group("api"))
        let server = HTTPServing(address, what: "dashboard", option: option, routes: routes)
        return try await server.serving { [token] bound in
            try await body("http://\(bound)/#token=\(token.secret)")
        }
    }

    private func addPage(to routes: Router<BasicRequestContext>) {
        for (name, file) in PageFiles.all {
            routes.get(RouterPath(name)) { _, _ in Self.serve(file) }
            if name == "index.html" { routes.get("") { _, _ in Self.serve(file) } }
        }
    }

    private static func serve(_ file: PageFiles.File) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: file.type],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: file.bytes))
        )
    }

    private struct List: Encodable {
        var runs: [Run]
        var troubles: [String]
        var isOne: Bool
        var isReadOnly: Bool
    }

    private struct Run: Encodable {
        var name: String
        var summary: RunSummary
    }

    private func addQuestions(to routes: RouterGroup<BasicRequestContext>) {
        routes.get("runs") { [self] _, _ in
            try await answer { [self] in
                let (runs, troubles) = try shelf.list()
                return List(
                    runs: runs.map {
                        Run(name: URL(fileURLWithPath: $0.path).lastPathComponent, summary: $0)
                    },
                    troubles: troubles,
                    isOne: shelf.isOne,
                    isReadOnly: actor == nil
                )
            }
        }
        routes.get("runs/:run/stream") { [self] _, context in
            let name = context.parameter("run")
            do { return RunStream(try shelf.watch(name)).response } catch {
                return Self.failed(error)
            }
        }
        routes.get("runs/:run/events") { [self] request, context in
            let name = context.parameter("run")
            let parameters = request.uri.queryParameters
            let query = EventQuery(
                kinds: parameters["kinds"].map(String.init),
                without: parameters["without"].map(String.init),
                node: parameters["node"].map(String.init),
                text: parameters["text"].map(String.init)
            )
            do {
                return try Self.json(await shelf.watch(name).events(query))
            } catch { return Self.failed(error) }
        }
        routes.get("runs/:run/logs") { [self] _, context in
            let name = context.parameter("run")
            return try await answer { [self] in try shelf.logs(name) }
        }
        routes.get("runs/:run/logs/:log") { [self] request, context in
            let (name, log) = (context.parameter("run"), context.parameter("log"))
            let position = request.uri.queryParameters["from"].flatMap { Int($0) } ?? 0
            return try await answer { [self] in
                try shelf.log(log, of: name, from: position)
            }
        }
    }

    /// The answer that `body` makes from files, off the threads that serve others.
    private func answer(
        _ body: @escaping @Sendable () throws -> any Encodable
    ) async throws -> Response {
        await withCheckedContinuation { continuation in
            DispatchQueue.global(qos: .utility).async {
                do { continuation.resume(returning: try Self.json(body())) } catch {
                    continuation.resume(returning: Self.failed(error))
                }
            }
        }
    }

    static func json(_ value: any Encodable) throws -> Response {
        .text(type: "application/json; charset=utf-8", try PageJSON.text(value))
    }

    /// One line on what went wrong, as JSON.
    static func failed(_ error: any Error) -> Response {
        let known = error as? OobleckError
        let status: HTTPResponse.Status =
            switch known?.code {
            case .inputData?: .notFound
            case .usage?: .badRequest
            case .outOfNodes?: .serviceUnavailable
            default: .internalServerError
            }
        return refused(status, known?.message ?? lineForPeople("\(error)"))
    }

    static func refused(_ status: HTTPResponse.Status, _ line: String) -> Response {
        let text: String
        do { text = try PageJSON.text(["error": line]) } catch { text = "{}" }
        return .text(status, type: "application/json; charset=utf-8", text)
    }
}

extension RequestContext {
    /// A part of the path; empty where it is not there.
    func parameter(_ name: String) -> String { parameters.get(name) ?? "" }
}
