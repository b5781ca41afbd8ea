import CTorch
import Synchronization

/// The rendezvous of one generation's groups: keys that members publish travel with the control
/// messages, so that groups form without any server of their own.
///
/// Usable from any thread.
package final class RendezvousStore: @unchecked Sendable {
    // The shim's store has its own lock; the handle itself never changes.
    fileprivate let handle: OpaquePointer

    private final class Publisher {
        let publish: @Sendable (String, [UInt8]) -> Void
        init(_ publish: @escaping @Sendable (String, [UInt8]) -> Void) { self.publish = publish }
    }

    /// A store that hands each key this process publishes to `publish`.
    package init(publish: @escaping @Sendable (_ key: String, _ value: [UInt8]) -> Void) throws {
        // Released by the shim exactly once, when its store is gone.
        let context = unsafe Unmanaged.passRetained(Publisher(publish)).toOpaque()
        handle = try produce { handle in
            unsafe ct_store_new(
                { context, key, bytes, count in
                    guard let context = unsafe context, let key = unsafe key else { return }
                    // Valid: the shim passes the context it was given and bytes it owns meanwhile.
                    let publisher = unsafe Unmanaged<Publisher>.fromOpaque(context)
                        .takeUnretainedValue()
                    let value = unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
                    publisher.publish(unsafe String(cString: key), value)
                },
                { context in
                    guard let context = unsafe context else { return }
                    unsafe Unmanaged<Publisher>.fromOpaque(context).release()
                },
                context,
                &handle
            )
        }
    }

    deinit { ct_store_free(handle) }

    /// A key that another member published.
    package func receive(key: String, value: [UInt8]) {
        ct_store_receive(handle, key, value, value.count)
    }

    /// Ends all waits for keys and all forming of groups.
    package func abort() { ct_store_abort(handle) }
}

/// Workers that exchange tensors.
///
/// Sends, receives and sums run beside the computation until they are waited for.
package final class CommunicationGroup: @unchecked Sendable {
    // The shim's group locks what an abort from another thread touches; the handle never changes.
    private let handle: OpaquePointer
    /// This process's place among the members.
    package let rank: Int
    package let size: Int
    private let handedOver = Atomic<Int>(0)

    /// Bytes of the tensors that this member handed over to be sent or summed.
    package var bytesHandedOver: Int { handedOver.load(ordering: .relaxed) }

    /// Connects the members; all call this with the same name and size, each with its own rank.
    ///
    /// `host` is the address at which the others reach this process. Forming the group ends after
    /// one bound, every later wait in it after the other.
    package init(
        store: RendezvousStore,
        name: String,
        rank: Int,
        size: Int,
        host: String,
        formationMilliseconds: Int,
        waitMilliseconds: Int
    ) throws {
        self.rank = rank
        self.size = size
        handle = try withExtendedLifetime(store) {
            try produce {
                ct_group_new(
                    store.handle,
                    name,
                    Int32(rank),
                    Int32(size),
                    host,
                    Int64(formationMilliseconds),
                    Int64(waitMilliseconds),
                    &$0
                )
            }
        }
    }

    deinit { ct_group_release(handle) }

    /// Ends every wait in this group, now and later.
    package func abort() { ct_group_abort(handle) }

    /// Starts the in-place sum of `tensor` over all members.
    package func startAllReduce(_ tensor: Tensor) throws -> PendingTransfer {
        handedOver.add(tensor.byteCount, ordering: .relaxed)
        return try tensor.withHandle { tensor in
            PendingTransfer(owning: try produce { ct_group_all_reduce(handle, tensor, &$0) })
        }
    }

    /// Starts sending `tensor`, contiguous, to the member `peer`.
    package func startSend(_ tensor: Tensor, to peer: Int, tag: Int) throws -> PendingTransfer {
        handedOver.add(tensor.byteCount, ordering: .relaxed)
        return try tensor.withHandle { tensor in
            PendingTransfer(
                owning: try produce { ct_group_send(handle, tensor, Int32(peer), Int32(tag), &$0) }
            )
        }
    }

    /// Starts receiving into `tensor`, contiguous, from the member `peer`.
    package func startReceive(
        _ tensor: Tensor,
        from peer: Int,
        tag: Int
    ) throws -> PendingTransfer {
        try tensor.withHandle { tensor in
            PendingTransfer(
                owning: try produce {
                    ct_group_receive(handle, tensor, Int32(peer), Int32(tag), &$0)
                }
            )
        }
    }
}

/// A transfer or a sum under way.
///
/// It keeps its tensor alive.
package final class PendingTransfer {
    private let handle: OpaquePointer

    fileprivate init(owning handle: OpaquePointer) { self.handle = handle }

    deinit { ct_work_free(handle) }

    /// Blocks until it is complete, fails, times out or its group is aborted.
    package func wait() throws {
        try withExtendedLifetime(self) { try check(ct_work_wait(handle)) }
    }
}
