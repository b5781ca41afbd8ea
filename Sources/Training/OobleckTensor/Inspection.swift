import CTorch
import OobleckCore

extension DeviceFacts {
    /// Size of the matrices, and how long each type is measured.
    private static let matrixSize: Int64 = 1024
    private static let measuredSeconds = 0.2

    /// Looks at the machine, and measures the device in use; takes half a second.
    package static func inspect() throws -> DeviceFacts {
        func rate(_ isBFloat16: Bool) throws -> Double {
            var rate = 0.0
            try check(ct_matmul_rate(isBFloat16, matrixSize, measuredSeconds, &rate))
            return rate
        }
        var devices: Int32 = 0
        var trouble: String?
        do {
            try check(ct_cuda_device_count(&devices))
        } catch let error as TensorError {
            trouble = lineForPeople(error.message)
        }
        let nccl = Int(ct_nccl_version())
        let clock = ct_clock_is_synchronized()
        return DeviceFacts(
            torch: TensorRuntime.version,
            kernels: TensorRuntime.kernelLevel,
            device: TensorRuntime.deviceName,
            cudaDevices: Int(devices),
            cudaTrouble: trouble,
            nccl: nccl > 0 ? "\(nccl / 10_000).\(nccl / 100 % 100).\(nccl % 100)" : nil,
            float32Rate: try rate(false),
            bfloat16Rate: try rate(true),
            isClockSynchronized: clock < 0 ? nil : clock == 1
        )
    }
}
