import Foundation
import OobleckCore
import OobleckData

/// The few calls of MLflow's REST protocol, version 2.0, that tell a run.
struct MLflowServer: Sendable {
    /// A number of a step.
    struct Metric: Encodable, Hashable {
        let key: String
        let value: Double
        /// Milliseconds since 1970.
        let timestamp: Int
        let step: Int
    }

    /// A parameter or a tag.
    struct Pair: Encodable, Hashable {
        let key: String
        let value: String
    }

    /// As MLflow names them.
    enum Status: String, Encodable {
        case running = "RUNNING"
        case finished = "FINISHED"
        case failed = "FAILED"
    }

    /// Most metrics and parameters of one call.
    static let (mostMetrics, mostParameters) = (1000, 100)

    private let exchange: HTTPExchange

    /// A server, with the credentials of the environment, if it has any.
    init(_ place: HTTPPlace, environment: [String: String]) {
        var exchange = HTTPExchange(place: place)
        if let token = environment["MLFLOW_TRACKING_TOKEN"], !token.isEmpty {
            exchange.headers = [("Authorization", "Bearer \(token)")]
        } else if let user = environment["MLFLOW_TRACKING_USERNAME"] {
            let pair = "\(user):\(environment["MLFLOW_TRACKING_PASSWORD"] ?? "")"
            let text = Data(pair.utf8).base64EncodedString()
            exchange.headers = [("Authorization", "Basic \(text)")]
        }
        self.exchange = exchange
    }

    /// The number of the experiment of this name, which is made if there is none.
    func experiment(_ name: String) throws(OobleckError) -> String {
        let query =
            name.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? name
        let known = try ask(
            "GET",
            "experiments/get-by-name?experiment_name=\(query)",
            Nothing?.none,
            mayLack: true
        )
        if let id = known?.fields?["experiment"]?.fields?["experiment_id"]?.string { return id }
        let made = try ask("POST", "experiments/create", Named(name: name))
        guard let id = made?.fields?["experiment_id"]?.string else { throw Self.strange }
        return id
    }

    /// Begins a run, and returns its id.
    func begin(
        _ experiment: String,
        name: String,
        at time: Seconds,
        tags: [Pair]
    ) throws(OobleckError) -> String {
        let answer = try ask(
            "POST",
            "runs/create",
            NewRun(experiment: experiment, start: Self.moment(time), name: name, tags: tags)
        )
        guard let info = answer?.fields?["run"]?.fields?["info"]?.fields,
            let id = info["run_id"]?.string
        else { throw Self.strange }
        return id
    }

    /// Adds numbers and parameters, at most ``mostMetrics`` and ``mostParameters``.
    func log(_ run: String, _ metrics: [Metric], parameters: [Pair] = []) throws(OobleckError) {
        _ = try ask(
            "POST",
            "runs/log-batch",
            Batch(run: run, metrics: metrics, parameters: parameters)
        )
    }

    /// Says what a run does; with `end` it is over since then.
    func update(_ run: String, _ status: Status, end: Seconds? = nil) throws(OobleckError) {
        let update = Update(run: run, status: status, end: end.map(Self.moment))
        _ = try ask("POST", "runs/update", update)
    }

    static func moment(_ time: Seconds) -> Int { Int((time.value * 1000).rounded()) }

    private static var strange: OobleckError {
        OobleckError(.storage, "its answer is none of MLflow")
    }

    /// The answer; `nil` where it says that there is none and `mayLack` says that this is fine.
    private func ask(
        _ method: String,
        _ call: String,
        _ body: (some Encodable)?,
        mayLack: Bool = false
    ) throws(OobleckError) -> JSONValue? {
        var bytes: [UInt8] = []
        if let body {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            do { bytes = [UInt8](try encoder.encode(body)) } catch {
                throw OobleckError(.internalFault, "\(error)")
            }
        }
        let answer = try exchange.request(method, "/api/2.0/mlflow/\(call)", body: bytes)
        let value: JSONValue
        do { value = try JSONValue(parsing: answer.body, path: "its answer") } catch {
            guard answer.status == 200 else { throw Self.refusal(answer.status, nil) }
            throw Self.strange
        }
        let code = value.fields?["error_code"]?.string
        if mayLack, answer.status == 404, code == "RESOURCE_DOES_NOT_EXIST" { return nil }
        guard answer.status == 200 else { throw Self.refusal(answer.status, code) }
        return value
    }

    private static func refusal(_ status: Int, _ code: String?) -> OobleckError {
        guard status != 401, status != 403 else {
            return OobleckError(
                .storage,
                "it refuses the credentials (status \(status)); set MLFLOW_TRACKING_TOKEN, or "
                    + "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            )
        }
        let reason = code.map { ", \(lineForPeople($0))" } ?? ""
        return OobleckError(.storage, "it answers with status \(status)\(reason)")
    }

    // MARK: Bodies

    private struct Nothing: Encodable {}

    private struct Named: Encodable { let name: String }

    private struct NewRun: Encodable {
        let experiment: String
        let start: Int
        let name: String
        let tags: [Pair]

        private enum CodingKeys: String, CodingKey {
            case experiment = "experiment_id"
            case start = "start_time"
            case name = "run_name"
            case tags
        }
    }

    private struct Batch: Encodable {
        let run: String
        let metrics: [Metric]
        let parameters: [Pair]

        private enum CodingKeys: String, CodingKey {
            case run = "run_id"
            case metrics
            case parameters = "params"
        }
    }

    private struct Update: Encodable {
        let run: String
        let status: Status
        let end: Int?

        private enum CodingKeys: String, CodingKey {
            case run = "run_id"
            case status
            case end = "end_time"
        }
    }
}
