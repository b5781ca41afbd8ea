import Foundation

/// Why a file cannot be used, in words.
public enum FileObstacle {
    /// What to say when `open` failed with `reason`, an `errno`.
    public static func opening(_ path: String, reason: Int32) -> String {
        guard !path.isEmpty else { return "the name of a file is empty" }
        var status = stat()
        // A socket cannot be opened at all, nor a FIFO for writing that has no reader.
        if reason == ENXIO, stat(path, &status) == 0, let kind = kind(path, mode: status.st_mode) {
            return kind
        }
        if reason == ENOENT, let target = target(ofLink: path) {
            return "cannot open \(path): it is a link to \(target), which does not exist"
        }
        return "cannot open \(path): \(String(cString: strerror(reason)))"
    }

    /// What to say of a file of this mode; `nil` for a regular one.
    static func kind(_ path: String, mode: mode_t) -> String? {
        let refusal = "\(path) is not a regular file: it is a"
        let remedy = "; save its contents to a file and name that"
        switch mode & S_IFMT {
        case S_IFREG: return nil
        case S_IFDIR: return "\(refusal) directory"
        case S_IFIFO: return "\(refusal) pipe (FIFO)\(remedy)"
        case S_IFSOCK: return "\(refusal) socket\(remedy)"
        default: return "\(refusal) device\(remedy)"
        }
    }

    private static func target(ofLink path: String) -> String? {
        do {
            return try FileManager.default.destinationOfSymbolicLink(atPath: path)
        } catch {
            return nil
        }
    }
}
