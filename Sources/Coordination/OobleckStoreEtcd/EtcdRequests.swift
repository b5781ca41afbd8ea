import Foundation
import OobleckCoordination
import OobleckWire
import SwiftProtobuf

/// Transactions and entries in etcd's terms.
enum EtcdRequests {
    static func request(
        _ transaction: KeyValueTransaction,
        _ location: EtcdLocation
    ) -> EtcdTxnRequest {
        EtcdTxnRequest.with {
            $0.compare = transaction.conditions.map { compare($0, location) }
            $0.success = transaction.operations.map { operation($0, location) }
            $0.failure = transaction.otherwise.map { name in
                EtcdRequestOp.with {
                    $0.requestRange = EtcdRangeRequest.with { $0.key = location.key(name) }
                }
            }
        }
    }

    static func answer(
        _ response: EtcdTxnResponse,
        to transaction: KeyValueTransaction,
        _ location: EtcdLocation
    ) -> KeyValueAnswer {
        KeyValueAnswer(
            succeeded: response.succeeded,
            revision: response.header.revision,
            found: response.succeeded
                ? []
                : response.responses.map { response in
                    response.responseRange.kvs.first.map { entry($0, location) }
                }
        )
    }

    static func entry(_ found: EtcdKeyValue, _ location: EtcdLocation) -> KeyValue {
        KeyValue(
            name: String(decoding: found.key.dropFirst(location.key("").count), as: UTF8.self),
            value: found.value,
            createRevision: found.createRevision,
            lease: found.lease
        )
    }

    /// Everything whose key begins with `prefix`, or at most `limit` entries of it; 0 is no limit.
    static func all(under prefix: Data, limit: Int64 = 0) -> EtcdRangeRequest {
        EtcdRangeRequest.with {
            $0.key = prefix
            $0.rangeEnd = end(of: prefix)
            $0.limit = limit
        }
    }

    private static func operation(
        _ operation: KeyValueTransaction.Operation,
        _ location: EtcdLocation
    ) -> EtcdRequestOp {
        EtcdRequestOp.with {
            switch operation {
            case .put(let name, let value, let lease):
                $0.requestPut = EtcdPutRequest.with {
                    $0.key = location.key(name)
                    $0.value = value
                    $0.lease = lease
                }
            case .delete(let name):
                $0.requestDeleteRange = EtcdDeleteRangeRequest.with {
                    $0.key = location.key(name)
                }
            case .deleteRange(let first, let end):
                $0.requestDeleteRange = EtcdDeleteRangeRequest.with {
                    $0.key = location.key(first)
                    $0.rangeEnd = location.key(end)
                }
            }
        }
    }

    private static func compare(
        _ condition: KeyValueTransaction.Condition,
        _ location: EtcdLocation
    ) -> EtcdCompare {
        EtcdCompare.with {
            $0.result = .equal
            switch condition {
            case .absent(let name):
                $0.target = .create
                $0.key = location.key(name)
                $0.createRevision = 0
            case .holds(let name, let value):
                $0.target = .value
                $0.key = location.key(name)
                $0.value = value
            case .created(let name, let revision):
                $0.target = .create
                $0.key = location.key(name)
                $0.createRevision = revision
            }
        }
    }

    /// The first key behind all that begin with `prefix`, whose last byte is below 255.
    private static func end(of prefix: Data) -> Data {
        var end = prefix
        end[end.count - 1] += 1
        return end
    }
}
