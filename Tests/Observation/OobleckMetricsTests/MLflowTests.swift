import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import OobleckCoordination
import OobleckCore
import OobleckRecording
import OobleckRunFiles
import OobleckServing
import OobleckTestSupport
import Synchronization
import Testing

@testable import OobleckMetrics

@Suite("Telling an MLflow server", .timeLimit(.minutes(5)))
struct MLflowTests {
    /// A server that remembers what it is asked, and answers as it is told.
    private final class Server: Sendable {
        struct Request: Sendable {
            let call: String
            let authorization: String?
            let body: String
        }

        private let asked = Mutex<[Request]>([])
        private let answers: @Sendable (String) -> (HTTPResponse.Status, String)

        init(_ answers: @escaping @Sendable (String) -> (HTTPResponse.Status, String)) {
            self.answers = answers
        }

        var requests: [Request] { asked.withLock { $0 } }

        /// Serves while `body` runs, on a thread that may wait.
        func serving(_ body: @escaping @Sendable (String) throws -> Void) async throws {
            let routes = Router()
            for method in [HTTPRequest.Method.get, .post] {
                routes.on("/base/**", method: method) { [self] request, _ in
                    let bytes = try await request.body.collect(upTo: 1 << 20)
                    let call = request.uri.path.split(separator: "/").suffix(2)
                        .joined(separator: "/")
                    let query = request.uri.query.map { "?\($0)" } ?? ""
                    let field = request.headers[.authorization]
                    asked.withLock {
                        $0.append(
                            Request(
                                call: call + query,
                                authorization: field,
                                body: String(buffer: bytes)
                            )
                        )
                    }
                    let (status, text) = answers(call)
                    return Response.text(status, text)
                }
            }
            let address = HostPort(host: "127.0.0.1", port: 0)
            let server = HTTPServing(address, what: "test", option: "", routes: routes)
            try await server.serving { bound in
                try await withCheckedThrowingContinuation { (done: Continuation) in
                    DispatchQueue(label: "test").async {
                        done.resume(with: Result { try body("http://\(bound)/base/") })
                    }
                }
            }
        }

        typealias Continuation = CheckedContinuation<Void, any Error>
    }

    /// As the real server answers a new run.
    private static let usual: @Sendable (String) -> (HTTPResponse.Status, String) = { call in
        switch call {
        case "experiments/get-by-name":
            (.notFound, #"{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"}"#)
        case "experiments/create": (.ok, #"{"experiment_id": "7"}"#)
        case "runs/create": (.ok, #"{"run": {"info": {"run_id": "abc"}}}"#)
        default: (.ok, "{}")
        }
    }

    private static func measured(_ step: Int) -> RunUpdate {
        let committed = CommittedStep(
            step: step,
            generation: 1,
            firstSample: 2 * step,
            endSample: 2 * step + 2,
            loss: 2.5,
            gradientNorm: 1
        )
        return .measured(StepMeasurement(committed, stepTime: 0.4, nodes: 3, pipelines: 1))
    }

    private static let finished = RunUpdate.finished(
        .completed(layerDigests: [], finalLoss: 2.5),
        nil
    )

    private static func directory(_ folder: TemporaryFolder) throws -> RunDirectory {
        _ = try folder.write("job.json", "{}")
        return try RunDirectory.open(path: folder.path)
    }

    @Test("a run is begun once, told by steps and ended; resumed, it goes on under its id")
    func told() async throws {
        let folder = try TemporaryFolder()
        let directory = try Self.directory(folder)
        let server = Server(Self.usual)
        let said = Mutex<[String]>([])
        let secret = "not-for-logs"
        try await server.serving { uri in
            for steps in [0..<2, 2..<3] {
                let run = try MLflowRun(
                    uri,
                    experiment: "my runs",
                    directory,
                    SmallJob.job(),
                    environment: ["MLFLOW_TRACKING_TOKEN": secret]
                ) { line in said.withLock { $0.append(line) } }
                for step in steps { run.receive(Self.measured(step)) }
                run.receive(Self.finished)
            }
        }
        let requests = server.requests
        #expect(
            requests.map(\.call) == [
                "experiments/get-by-name?experiment_name=my%20runs", "experiments/create",
                "runs/create", "runs/log-batch", "runs/log-batch", "runs/log-batch", "runs/update",
                "runs/update", "runs/log-batch", "runs/update",
            ]
        )
        #expect(requests.allSatisfy { $0.authorization == "Bearer \(secret)" })
        let parameters = requests[3].body
        #expect(parameters.contains(#"{"key":"model.name","value":"small"}"#), "\(parameters)")
        let steps = requests.flatMap { Self.losses(in: $0.body) }
        #expect(steps == [1, 2, 3])
        #expect(requests[6].body.contains(#""status":"FINISHED""#))
        #expect(requests[7].body.contains(#""status":"RUNNING""#))
        #expect(said.withLock { $0 } == [])
        let kept = try String(contentsOfFile: folder.path + "/mlflow.json", encoding: .utf8)
        #expect(!kept.contains(secret))
    }

    /// Steps of the numbers `loss` in a body, each of which is 2.5.
    private static func losses(in body: String) -> [Int] {
        struct Batch: Decodable {
            struct Metric: Decodable {
                let key: String
                let value: Double
                let step: Int
            }
            let metrics: [Metric]
        }
        guard let batch = try? JSONDecoder().decode(Batch.self, from: Data(body.utf8)) else {
            return []
        }
        return batch.metrics.filter { $0.key == "loss" && $0.value == 2.5 }.map(\.step)
    }

    @Test(
        "a server that fails is complained of once, and costs no step",
        arguments: [
            (500, "{}", "it answers with status 500"),
            (200, "<html>", "its answer is none of MLflow"),
            (401, "{}", "it refuses the credentials (status 401)"),
        ]
    )
    func failing(_ status: Int, _ body: String, _ complaint: String) async throws {
        let folder = try TemporaryFolder()
        let directory = try Self.directory(folder)
        let server = Server { _ in (HTTPResponse.Status(code: status), body) }
        let said = Mutex<[String]>([])
        try await server.serving { uri in
            let run = try MLflowRun(uri, experiment: "a", directory, SmallJob.job()) { line in
                said.withLock { $0.append(line) }
            }
            for step in 0..<5 { run.receive(Self.measured(step)) }
            run.receive(Self.finished)
        }
        let lines = said.withLock { $0 }
        #expect(lines.count == 1 && lines[0].contains(complaint), "\(lines)")
        #expect(server.requests.count == 2, "one try, and one at the end")
    }

    @Test("a server that fails for once at the end of a run is told the end again")
    func endAgain() async throws {
        let folder = try TemporaryFolder()
        let directory = try Self.directory(folder)
        let ends = Mutex(0)
        let server = Server { call in
            guard call == "runs/update" else { return Self.usual(call) }
            let count = ends.withLock { count in
                count += 1
                return count
            }
            return count == 1 ? (.serviceUnavailable, "busy") : (.ok, "{}")
        }
        let said = Mutex<[String]>([])
        try await server.serving { uri in
            let run = try MLflowRun(uri, experiment: "a", directory, SmallJob.job()) { line in
                said.withLock { $0.append(line) }
            }
            run.receive(Self.measured(0))
            run.receive(Self.finished)
        }
        #expect(ends.withLock { $0 } == 2)
        #expect(said.withLock { $0.last?.contains("answers again") } == true)
    }

    @Test("a server that is not there, or does not speak, is given up at the deadline")
    func silent() throws {
        let listener = try ListeningPort()
        let place = try HTTPPlace(parsing: "http://127.0.0.1:\(listener.port)", what: "--mlflow")
        let exchange = HTTPExchange(place: place, deadline: 0.2)
        #expect(throws: OobleckError.self) { try exchange.request("GET", "/") }
        listener.end()
        #expect(throws: OobleckError.self) { try exchange.request("GET", "/") }
    }

    @Test(
        "a URI that is none is refused, without a secret that may be in it",
        arguments: ["127.0.0.1:5000", "ftp://a", "http://me:secret@host", "http://", "https://a:b"]
    )
    func places(_ text: String) {
        let error = #expect(throws: OobleckError.self) { try MLflowRun.validate(text) }
        #expect(error?.code == .usage && error?.message.contains("secret@") == false)
        #expect(error?.message.hasPrefix("--mlflow") == true)
    }

    @Test("a URI has a usual port, and its path begins each request")
    func usualPorts() throws {
        let plain = try HTTPPlace(parsing: "http://tracking/team/", what: "--mlflow")
        #expect(plain.address == HostPort(host: "tracking", port: 80) && plain.path == "/team")
        let encrypted = try HTTPPlace(parsing: "https://[fd00::7]", what: "--mlflow")
        #expect(encrypted.address == HostPort(host: "fd00::7", port: 443))
        #expect(encrypted.isEncrypted && encrypted.path.isEmpty)
    }
}

/// A port that takes connections and says nothing.
private final class ListeningPort {
    private let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let port: Int

    init() throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let found = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                guard bind(descriptor, generic, length) == 0, listen(descriptor, 8) == 0 else {
                    return Int32(-1)
                }
                return getsockname(descriptor, generic, &length)
            }
        }
        try #require(found == 0)
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    func end() { close(descriptor) }
}
