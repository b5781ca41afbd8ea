import Foundation

/// The two ends of a terminal that a test plays.
package enum PseudoTerminal {
    /// Opens one end, and returns it with the path of the other, where the program is.
    package static func open() throws -> (master: Int32, slavePath: String) {
        let master = Foundation.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var (lock, number): (Int32, UInt32) = (0, 0)
        // TIOCSPTLCK and TIOCGPTN, which Swift does not import.
        guard master >= 0, ioctl(master, 0x4004_5431, &lock) == 0,
            ioctl(master, 0x8004_5430, &number) == 0
        else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        return (master, "/dev/pts/\(number)")
    }
}
