import Foundation

/// One entry of a key-value store that several coordinators share.
///
/// Names are relative to the run.
package struct KeyValue: Hashable, Sendable {
    package var name: String
    package var value: Data
    /// The store's revision at which the entry was made.
    package var createRevision: Int64
    /// The lease that the entry ends with; 0 is none.
    package var lease: Int64

    package init(name: String, value: Data, createRevision: Int64 = 0, lease: Int64 = 0) {
        self.name = name
        self.value = value
        self.createRevision = createRevision
        self.lease = lease
    }
}

/// What a store does at one moment, or not at all: writes, if all conditions hold.
package struct KeyValueTransaction: Hashable, Sendable {
    package enum Condition: Hashable, Sendable {
        case absent(String)
        case holds(String, Data)
        /// The entry is the one that was made at this revision.
        case created(String, at: Int64)

        /// That `name` holds `value`, or is absent where that is `nil`.
        package static func holds(_ name: String, orAbsent value: Data?) -> Condition {
            value.map { .holds(name, $0) } ?? .absent(name)
        }
    }

    package enum Operation: Hashable, Sendable {
        case put(String, Data, lease: Int64 = 0)
        case delete(String)
        /// Everything from the first name on, up to and without the second.
        case deleteRange(from: String, to: String)
    }

    package var conditions: [Condition]
    package var operations: [Operation]
    /// The entries that are read where a condition does not hold.
    package var otherwise: [String]

    package init(
        conditions: [Condition] = [],
        operations: [Operation],
        otherwise: [String] = []
    ) {
        self.conditions = conditions
        self.operations = operations
        self.otherwise = otherwise
    }
}

/// What a store says of a ``KeyValueTransaction``.
package struct KeyValueAnswer: Hashable, Sendable {
    /// Whether the conditions held.
    package var succeeded: Bool
    /// The store's revision after the transaction.
    package var revision: Int64
    /// The entries of ``KeyValueTransaction/otherwise``, where the conditions did not hold.
    package var found: [KeyValue?]

    package init(succeeded: Bool, revision: Int64, found: [KeyValue?] = []) {
        self.succeeded = succeeded
        self.revision = revision
        self.found = found
    }
}
