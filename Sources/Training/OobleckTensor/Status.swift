import CTorch
import OobleckCore

/// A failure of a tensor operation or a collective.
package struct TensorError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure.
    package enum Code: Sendable {
        /// The wait was ended on purpose: its group or its store was aborted.
        case aborted
        /// libtorch refused or failed.
        case failed
        /// A number is not finite, or too large for an exact sum.
        case outOfRange
        /// An allocation failed for lack of memory.
        case outOfMemory
    }

    package let code: Code
    package let message: String

    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}

/// Throws what the shim said when a call did not go well.
func check(_ status: CTStatus) throws {
    guard status != CT_OK else { return }
    let message = String(cString: ct_error_message())
    let firstLine = message.split(separator: "\n", maxSplits: 1).first.map(String.init)
    let code: TensorError.Code =
        switch status {
        case CT_ABORTED: .aborted
        case CT_OUT_OF_RANGE: .outOfRange
        case CT_OUT_OF_MEMORY: .outOfMemory
        default: .failed
        }
    throw TensorError(
        code: code,
        message: firstLine ?? "libtorch failed without a message"
    )
}

/// Calls a shim function that hands out one handle.
func produce(_ body: (inout OpaquePointer?) -> CTStatus) throws -> OpaquePointer {
    var handle: OpaquePointer?
    try check(body(&handle))
    guard let handle else {
        preconditionFailure("the shim returned success and no handle")
    }
    return handle
}
