import Foundation
import OobleckCore
import OobleckData

/// What this process finds around it.
package enum ProcessEnvironment {
    /// What the machine calls itself from start to start; all of its containers have the same.
    ///
    /// Empty is unknown.
    package static let machine = (SystemFile.text("/proc/sys/kernel/random/boot_id") ?? "")
        .trimmingCharacters(in: .whitespacesAndNewlines)

    /// Raises the limit of open files as far as it may be, and returns what it is then.
    @discardableResult
    package static func raiseOpenFileLimit() -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return 0 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(resource, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// The variable by which a worker of one of several devices sees its own GPU alone.
    ///
    /// `list` is the agent's `CUDA_VISIBLE_DEVICES`. Without one, or with fewer GPUs than devices, workers
    /// share what there is.
    package static func visibleDevice(
        _ device: Int,
        of devices: Int,
        list: String?
    ) -> [String: String] {
        let visible = (list ?? "").split(separator: ",")
        guard devices > 1, visible.count >= devices else { return [:] }
        return ["CUDA_VISIBLE_DEVICES": String(visible[device])]
    }

    /// The machine's name.
    package static var hostName: String { ProcessInfo.processInfo.hostName }
}

extension CoordinatorAddress {
    /// Throws ``OobleckError/Code/usage`` with one line when the host's name has no address.
    package func requireResolvable() throws {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &found)
        guard status == 0 else {
            let reason = String(cString: gai_strerror(status))
            throw OobleckError(
                .usage,
                "coordinator \(self): no address for \"\(host)\" (\(reason)); name a host that "
                    + "this machine can resolve, or give its address"
            )
        }
        freeaddrinfo(found)
    }
}
