import HTTPTypes
import Hummingbird
import OobleckCore

/// Lets through what may be answered: requests that name this machine and show the token, those for changes
/// only from the page itself.
///
/// Without the token there are the files of the page, by their names, and nothing else: how a path of data may be
/// written is the router's matter.
struct RequestGuard: RouterMiddleware {
    typealias Context = BasicRequestContext

    private let token: RunToken

    init(_ token: RunToken) { self.token = token }

    func handle(
        _ request: Request,
        context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        if let refusal = refusal(of: request) {
            response = refusal
        } else {
            do { response = try await next(request, context) } catch let error as HTTPError {
                response = DashboardServer.refused(error.status, "there is nothing of that name")
            }
        }
        response.headers[.cacheControl] = "no-store"
        for (name, value) in Self.headers { response.headers[name] = value }
        return response
    }

    /// Headers of each answer.
    private static let headers: [(HTTPField.Name, String)] = {
        let fields = [
            ("Content-Security-Policy", PageFiles.policy), ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
        ]
        return fields.compactMap { name, value in HTTPField.Name(name).map { ($0, value) } }
    }()

    private func refusal(of request: Request) -> Response? {
        let authority = request.head.authority ?? ""
        // Another name for this machine's address is how pages of strangers reach servers on it.
        guard Self.isLoopback(Self.host(of: authority)) else {
            return DashboardServer.refused(
                .misdirectedRequest,
                "the dashboard answers as localhost and 127.0.0.1 only"
            )
        }
        let isQuestion = request.method == .get || request.method == .head
        // They hold nothing of any run.
        if isQuestion, PageFiles.isFile(request.uri.path) { return nil }
        guard let claim = request.headers[.authorization], claim.hasPrefix("Bearer "),
            token.admits(String(claim.dropFirst(7)))
        else {
            return DashboardServer.refused(
                .unauthorized,
                "the token is missing or another; open the link that oobleck printed"
            )
        }
        guard isQuestion || request.headers[.origin] == "http://\(authority)" else {
            return DashboardServer.refused(
                .forbidden,
                "changes are taken from the dashboard's own page only"
            )
        }
        return nil
    }

    /// The host of `HOST:PORT`, without brackets.
    static func host(of authority: String) -> String {
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            return String(authority[authority.index(after: authority.startIndex)..<end])
        }
        return String(authority.prefix { $0 != ":" })
    }

    /// Whether a host is this machine alone.
    static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.first == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
