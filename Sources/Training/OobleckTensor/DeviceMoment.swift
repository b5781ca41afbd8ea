import CTorch
import OobleckCore

/// A moment in the work of a CUDA device: when the device reaches it, not when it was enqueued.
package final class DeviceMoment {
    private let event: OpaquePointer

    /// The moment after all that this thread has given to the device.
    package init() throws {
        var event: OpaquePointer?
        try check(ct_event_record(&event))
        guard let event else { preconditionFailure("no event and no error") }
        self.event = event
    }

    deinit { ct_event_free(event) }

    /// Time on the device since an earlier moment; waits until it gets here.
    package func elapsed(since start: DeviceMoment) throws -> Seconds {
        var seconds = 0.0
        try check(ct_event_elapsed(start.event, event, &seconds))
        return Seconds(seconds)
    }
}
