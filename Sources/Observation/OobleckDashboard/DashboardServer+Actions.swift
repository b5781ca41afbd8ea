import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import OobleckCore

/// What the page may ask for.
extension DashboardServer {
    /// Bytes of a request at most.
    private static let mostBytes = 4096

    private struct Wish: Decodable {
        var node: Int?
    }

    func addActions(to routes: RouterGroup<BasicRequestContext>) {
        routes.post("runs/:run/:action") { [self] request, context in
            guard let actor else {
                return Self.refused(.forbidden, "this dashboard is read-only")
            }
            do {
                let body = try await request.body.collect(upTo: Self.mostBytes)
                let action = try Self.action(
                    context.parameter("action"),
                    Data(body.readableBytesView)
                )
                let directory = try shelf.directory(context.parameter("run"))
                return try Self.json(["message": try await actor(action, directory)])
            } catch { return Self.failed(error) }
        }
    }

    private static func action(_ name: String, _ body: Data) throws -> DashboardAction {
        switch name {
        case "add": return .add
        case "stop": return .stop
        case "drain":
            let wish: Wish
            do { wish = try JSONDecoder().decode(Wish.self, from: body) } catch {
                throw OobleckError(.usage, "drain takes {\"node\": NUMBER}")
            }
            guard let node = wish.node, node >= 0 else {
                throw OobleckError(.usage, "drain takes the number of a node")
            }
            return .drain(NodeID(node))
        default:
            throw OobleckError(
                .inputData,
                "there is no action \(lineForPeople(name)); there are drain, add and stop"
            )
        }
    }
}
