import Foundation
import OobleckCore
import Yams

/// A key of a job with a value from the command line: `--set section.key=value`.
///
/// It takes the place of what the job's file says. The value is read as the file's would be.
package struct JobSetting: Hashable, Sendable {
    /// Keys whose values are paths; on the command line they are relative to the working directory.
    private static let paths = [
        "data.corpus", "data.columns", "data.validation", "model.import", "model.initial_weights",
        "checkpoint.directory",
    ]
    /// Keys whose values may be a list or a mapping.
    private static let structured = ["training.train", "data.batch"]

    let path: [String]
    let value: String

    /// Reads `section.key=value`, or `checkpoint=none`.
    ///
    /// Throws `.usage` when there is no such key.
    package init(_ text: String) throws {
        guard let equals = text.firstIndex(of: "=") else {
            throw OobleckError(
                .usage,
                "--set \(text) has no value; write it as --set training.steps=500"
            )
        }
        let name = String(text[..<equals])
        path = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let given = String(text[text.index(after: equals)...])
        value =
            Self.paths.contains(name)
            ? URL(fileURLWithPath: given).standardizedFileURL.path : given
        try requireKnown()
    }

    var name: String { path.joined(separator: ".") }

    /// How the option would be written again.
    package var text: String { "--set \(name)=\(value)" }

    private func requireKnown() throws {
        let schema = JobSchema.current
        guard path.count == 2 || path == ["checkpoint"] else {
            throw OobleckError(
                .usage,
                "--set \(name): name a section and a key, as in --set training.steps=500"
            )
        }
        // The section is a key of the top level, which is the section without a name.
        for (section, key) in zip([""] + path, path)
        where !schema.keys(of: section).contains(key) {
            let hint = schema.unknown(key, in: section) ?? "unknown key \(key)"
            throw OobleckError(.usage, "--set \(name): \(hint)")
        }
    }

    /// The job's tree with the setting in it.
    ///
    /// Throws `.usage` when the value is no YAML or holds more than one value.
    func applied(to root: Node?) throws -> Node {
        var top = root?.mapping ?? Node.Mapping([])
        let node = try valueNode()
        guard path.count == 2 else {
            top.replace(path[0], with: node)
            return .mapping(top)
        }
        var section = top[Node(path[0])]?.mapping ?? Node.Mapping([])
        section.replace(path[1], with: node)
        top.replace(path[0], with: .mapping(section))
        return .mapping(top)
    }

    private func valueNode() throws -> Node {
        let node: Node?
        do {
            node = try Yams.compose(yaml: value)
        } catch {
            throw OobleckError(.usage, "\(text): the value is not valid YAML; quote it")
        }
        if let node, Self.structured.contains(name) { return node }
        guard let node, case .scalar = node else {
            throw OobleckError(.usage, "\(text): the value must be a single word or number")
        }
        return node
    }
}

extension Node.Mapping {
    /// Gives a key a value; a key that is there keeps its place.
    fileprivate mutating func replace(_ key: String, with value: Node) {
        let name = Node(key)
        var pairs = map { $0 }
        if let index = pairs.firstIndex(where: { $0.key == name }) {
            // The old key knows its line.
            pairs[index] = (pairs[index].key, value)
        } else {
            pairs.append((name, value))
        }
        self = Node.Mapping(pairs, tag, style, mark)
    }
}
