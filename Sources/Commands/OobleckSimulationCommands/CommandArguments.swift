import ArgumentParser
import OobleckCore

/// How a command prints.
package enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
}

extension CostModel: @retroactive ExpressibleByArgument {}
