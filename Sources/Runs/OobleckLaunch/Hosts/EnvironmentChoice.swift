import OobleckCore

/// The variables of this process that nodes on other machines get: those of a list, and those that
/// somebody names.
package enum EnvironmentChoice {
    /// What is passed without being asked for; `*` is any end.
    package static let usual = ["NCCL_*", "GLOO_*", "CUDA_DEVICE_ORDER", "SWIFT_BACKTRACE"]

    /// The variables to pass: of `own`, those of the list and those that the `options` name, each a name
    /// or `NAME=VALUE`.
    ///
    /// Throws `.usage` with one line.
    package static func variables(
        _ options: [String],
        own: [String: String]
    ) throws -> [String: String] {
        var chosen = own.filter { name, _ in usual.contains { matches(name, $0) } }
        for option in options {
            let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            let isName =
                name.first.map { !$0.isNumber } ?? false
                && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
            guard isName else {
                throw OobleckError(
                    .usage,
                    "--env is \"\(option)\"; it must be NAME or NAME=VALUE"
                )
            }
            if parts.count == 2 {
                chosen[name] = String(parts[1])
            } else if let value = own[name] {
                chosen[name] = value
            } else {
                throw OobleckError(.usage, "--env \(name): there is no such variable here")
            }
        }
        return chosen
    }

    private static func matches(_ name: String, _ pattern: String) -> Bool {
        pattern.hasSuffix("*") ? name.hasPrefix(pattern.dropLast()) : name == pattern
    }
}
