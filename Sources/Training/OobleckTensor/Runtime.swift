import CTorch
import OobleckCore

/// What tensors of one thread have allocated since a moment.
package struct MemoryReading: Hashable, Sendable {
    /// Bytes, less those that were freed.
    package var current: Int
    /// The most of ``current`` so far.
    package var peak: Int
    /// Bytes, freed or not.
    package var allocated: Int
    /// Blocks, freed or not.
    package var allocations: Int
}

/// The process-wide state of libtorch.
package enum TensorRuntime {
    /// Version of libtorch that this product is built and tested with.
    package static let requiredVersion = "2.13.0"
    /// Versions, without their last number, that it can be built against.
    private static let supportedVersions = ["2.11", "2.12", "2.13"]

    /// Fixes the thread count, ignores SIGPIPE and checks that the library loaded is the one that
    /// was built against.
    ///
    /// Call before any other use.
    package static func initialize(threadCount: Int = 1) throws {
        try requireVersion(
            built: String(cString: ct_version_built()),
            loaded: String(cString: ct_version_loaded())
        )
        try check(ct_initialize(Int32(threadCount)))
    }

    /// Throws one line unless the library that was built against and the one that the system loaded are
    /// one version, and one that is supported.
    package static func requireVersion(built: String, loaded: String) throws {
        let isSupported = supportedVersions.contains { built.hasPrefix($0 + ".") }
        guard isSupported, built == loaded else {
            throw OobleckError(
                .inputData,
                "libtorch \(loaded) is loaded and \(built) was built against; this program needs "
                    + "\(requiredVersion): run `make setup`, then build again"
            )
        }
    }

    /// The version of libtorch that is in use, without what its build adds to it.
    package static var version: String { String(cString: ct_version_loaded()) }

    /// Chooses where this process computes; call it before the first tensor is made.
    ///
    /// A process has one device, and cannot change it. Throws one line when there is none of the kind,
    /// with what would do.
    package static func use(_ device: DeviceKind) throws {
        do {
            try check(ct_use_device(device == .cuda ? CT_CUDA : CT_CPU, 0))
        } catch let error as TensorError {
            throw OobleckError(.inputData, lineForPeople(error.message))
        }
    }

    /// Waits until the device has done all that it was told to.
    ///
    /// A CUDA device works asynchronously: times are valid only after this call.
    package static func synchronize() throws { try check(ct_device_synchronize()) }

    /// Whether the device works on while this process goes ahead.
    package static var isAsynchronous: Bool { !ct_device_is_host() }

    /// Name, multiprocessors, memory and driver of a CUDA device; `nil` on the CPU.
    package static var deviceName: String? {
        let name = String(cString: ct_device_name())
        return name.isEmpty ? nil : name
    }

    /// The kernels that libtorch chose for this processor, as `AVX512`.
    package static var kernelLevel: String { String(cString: ct_kernel_level()) }

    /// Gives memory that is free but still held by the allocator back to the system.
    ///
    /// Takes milliseconds. Each generation has threads of its own, whose freed buffers the
    /// allocator would keep apart from those of the next.
    package static func releaseFreeMemory() { ct_release_free_memory() }

    /// Makes this process hold no more host memory than its tensors need: freed blocks of a MiB and
    /// more return to the system.
    ///
    /// The price is allocating them again.
    ///
    /// Otherwise the allocator keeps blocks of up to 32 MiB, and held a fifth more in measurements.
    package static func holdLittleFreeMemory() { ct_return_blocks_from(1 << 20) }

    /// Bytes in use of the memory that tensors are in.
    ///
    /// On the CPU those of this process that are resident; of a CUDA device those of all processes.
    package static func memoryInUse() throws -> Int {
        var bytes: Int64 = 0
        try check(ct_memory_in_use(&bytes))
        return Int(bytes)
    }

    /// Seeds the dropout of this thread.
    package static func seedDropout(_ seed: UInt64) throws { try check(ct_seed_dropout(seed)) }

    /// Runs `body` on this thread with forward passes that are not for training: dropout does nothing,
    /// and nothing is kept for gradients.
    package static func evaluating<Result>(_ body: () throws -> Result) throws -> Result {
        try check(ct_switch_training(false))
        let result = Swift.Result { try body() }
        try check(ct_switch_training(true))
        return try result.get()
    }

    /// Runs `body` on this thread with operators that take bfloat16 where libtorch's autocast says so.
    package static func autocasting<Result>(_ body: () throws -> Result) throws -> Result {
        try check(ct_switch_autocast(true))
        let result = Swift.Result { try body() }
        try check(ct_switch_autocast(false))
        return try result.get()
    }

    /// Whether ``autocasting(_:)`` is at work on this thread.
    package static var autocasts: Bool { ct_autocasts() }

    /// Groups that were released and whose threads have not ended yet.
    package static var drainingGroupCount: Int { Int(ct_groups_draining()) }

    /// Runs `body`, which can read what tensors on this thread have allocated since it began.
    package static func measuringMemory<Result>(
        _ body: (_ read: () throws -> MemoryReading) throws -> Result
    ) throws -> Result {
        try check(ct_memory_meter_start())
        let result = Swift.Result {
            try body {
                var reading = CTMemoryReading()
                try check(ct_memory_meter_read(&reading))
                return MemoryReading(
                    current: Int(reading.current),
                    peak: Int(reading.peak),
                    allocated: Int(reading.allocated),
                    allocations: Int(reading.allocations)
                )
            }
        }
        try check(ct_memory_meter_stop())
        return try result.get()
    }
}
