import ArgumentParser
import OobleckCore

/// How a command prints.
package enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
}

// Both packages are ours: no other conformance can appear.
// swift-format-ignore: AvoidRetroactiveConformances
extension CostModel: @retroactive ExpressibleByArgument {}
