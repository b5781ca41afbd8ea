import Foundation
import OobleckWire
import SwiftProtobuf

/// The requests of which the store's transactions are made.
enum EtcdRequests {
    static func put(_ key: Data, _ value: Data, lease: Int64 = 0) -> EtcdRequestOp {
        EtcdRequestOp.with {
            $0.requestPut = EtcdPutRequest.with {
                $0.key = key
                $0.value = value
                $0.lease = lease
            }
        }
    }

    static func delete(_ key: Data) -> EtcdRequestOp {
        EtcdRequestOp.with { $0.requestDeleteRange = EtcdDeleteRangeRequest.with { $0.key = key } }
    }

    /// Everything from `first` on, up to and without `end`.
    static func delete(from first: Data, to end: Data) -> EtcdRequestOp {
        EtcdRequestOp.with {
            $0.requestDeleteRange = EtcdDeleteRangeRequest.with {
                $0.key = first
                $0.rangeEnd = end
            }
        }
    }

    static func get(_ key: Data) -> EtcdRequestOp {
        EtcdRequestOp.with { $0.requestRange = EtcdRangeRequest.with { $0.key = key } }
    }

    static func absent(_ key: Data) -> EtcdCompare {
        EtcdCompare.with {
            $0.result = .equal
            $0.target = .create
            $0.key = key
            $0.createRevision = 0
        }
    }

    static func holds(_ key: Data, _ value: Data?) -> EtcdCompare {
        guard let value else { return absent(key) }
        return EtcdCompare.with {
            $0.result = .equal
            $0.target = .value
            $0.key = key
            $0.value = value
        }
    }

    static func created(_ key: Data, at revision: Int64) -> EtcdCompare {
        EtcdCompare.with {
            $0.result = .equal
            $0.target = .create
            $0.key = key
            $0.createRevision = revision
        }
    }

    /// Everything whose key begins with `prefix`, or the first so many; 0 is no limit.
    static func all(under prefix: Data, limit: Int64 = 0) -> EtcdRangeRequest {
        EtcdRangeRequest.with {
            $0.key = prefix
            $0.rangeEnd = end(of: prefix)
            $0.limit = limit
        }
    }

    /// The first key behind all that begin with `prefix`, whose last byte is below 255.
    private static func end(of prefix: Data) -> Data {
        var end = prefix
        end[end.count - 1] += 1
        return end
    }
}
