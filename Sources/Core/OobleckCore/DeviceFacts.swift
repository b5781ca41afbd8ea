/// What a process that computes finds on a machine: the half of `oobleck doctor` that needs libtorch.
package struct DeviceFacts: Sendable, Codable {
    /// Version of libtorch.
    package var torch: String
    /// The kernels that libtorch chose for the processor, as `AVX512`.
    package var kernels: String
    /// Name of the GPU; `nil` on the CPU.
    package var device: String?
    /// Devices that the CUDA driver shows, or why it shows none.
    package var cudaDevices: Int
    package var cudaTrouble: String?
    /// Version of NCCL as `2.27.3`; `nil` if it is not found.
    package var nccl: String?
    /// Floating point operations a second of a product of matrices, in float32 and in bfloat16.
    package var float32Rate: Double
    package var bfloat16Rate: Double
    /// Whether the system's clock is set by another one; `nil` if the system does not say.
    package var isClockSynchronized: Bool?

    package init(
        torch: String,
        kernels: String,
        device: String?,
        cudaDevices: Int,
        cudaTrouble: String?,
        nccl: String?,
        float32Rate: Double,
        bfloat16Rate: Double,
        isClockSynchronized: Bool?
    ) {
        self.torch = torch
        self.kernels = kernels
        self.device = device
        self.cudaDevices = cudaDevices
        self.cudaTrouble = cudaTrouble
        self.nccl = nccl
        self.float32Rate = float32Rate
        self.bfloat16Rate = bfloat16Rate
        self.isClockSynchronized = isClockSynchronized
    }
}
