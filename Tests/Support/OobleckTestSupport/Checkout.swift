import Foundation

/// The checkout that the tests belong to.
package enum Checkout {
    /// Its folder.
    package static let path = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
}
