import Foundation
import OobleckCore

/// A disk that misbehaves, for programs that are put to the test: a library that stands between them and the
/// system's calls, and spoils those on the layer files of saves.
///
/// The kernel, the file system and our programs are the real ones.
package struct FaultyDisk: Sendable {
    package enum Fault: String, Sendable, CaseIterable {
        /// Writes fail.
        case inputOutputError = "eio"
        /// Half of each write is left out, and called done.
        case torn
        /// One bit of each write is another.
        case flipped
        /// Each file takes two seconds to reach the device.
        case slow
    }

    /// What a program needs in its environment.
    package let environment: [String: String]

    /// The compiler that makes the library, if there is one.
    package static let compiler = ["/usr/bin/cc", "/usr/bin/clang", "/usr/bin/gcc"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    /// A disk with a fault on files whose path contains `match`; what it needs goes to `folder`.
    ///
    /// Throws ``OobleckError/Code/internalFault`` with one line where it cannot be made.
    package init(_ fault: Fault, match: String, folder: String) async throws {
        let source = folder + "/faulty-disk.c"
        let library = folder + "/faulty-disk.so"
        try Self.source.write(toFile: source, atomically: true, encoding: .utf8)
        guard let compiler = Self.compiler else {
            throw OobleckError(.internalFault, "a faulty disk needs a C compiler (cc)")
        }
        let options = ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"]
        let outcome = try await CommandOutcome.of([compiler] + options, within: 60)
        guard outcome.status == 0 else {
            throw OobleckError(.internalFault, "\(compiler) fails: \(outcome.lastLine)")
        }
        environment = [
            "LD_PRELOAD": library, "FAULTY_DISK": fault.rawValue, "FAULTY_DISK_MATCH": match,
        ]
    }

    private static let source = #"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <unistd.h>

        static int is_spoilt(int file) {
            const char *match = getenv("FAULTY_DISK_MATCH");
            char link[64], path[4096];
            snprintf(link, sizeof link, "/proc/self/fd/%d", file);
            ssize_t length = readlink(link, path, sizeof path - 1);
            if (!match || length < 0) return 0;
            path[length] = 0;
            return strstr(path, match) && strstr(path, ".generation-") && strstr(path, "layer-");
        }

        static int fault_is(const char *name) {
            const char *fault = getenv("FAULTY_DISK");
            return fault && strcmp(fault, name) == 0;
        }

        ssize_t write(int file, const void *bytes, size_t count) {
            static ssize_t (*real)(int, const void *, size_t);
            if (!real) real = dlsym(RTLD_NEXT, "write");
            // Headers are short, and stay whole.
            if (count < 16384 || !is_spoilt(file)) return real(file, bytes, count);
            if (fault_is("eio")) {
                errno = EIO;
                return -1;
            }
            if (fault_is("torn")) {
                real(file, bytes, count / 2);
                return count;
            }
            if (fault_is("flipped")) {
                char *copy = malloc(count);
                memcpy(copy, bytes, count);
                copy[count / 2] ^= 4;
                ssize_t written = real(file, copy, count);
                free(copy);
                return written;
            }
            return real(file, bytes, count);
        }

        int fsync(int file) {
            static int (*real)(int);
            if (!real) real = dlsym(RTLD_NEXT, "fsync");
            if (fault_is("slow") && is_spoilt(file)) sleep(2);
            return real(file);
        }
        """#
}
