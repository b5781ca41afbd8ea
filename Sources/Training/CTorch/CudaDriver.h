#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace ctorch {

/// The folder that libtorch was loaded from.
std::string torchFolder();

namespace cuda {

/// Devices that the driver shows. Throws one line where there is no driver.
int deviceCount();

/// Makes the kernels of this file's users ready on a device. Call once, before any launch.
void open(int index);

/// Name, multiprocessors and memory of the open device, and the driver's version.
std::string description();

/// Bytes of the open device that are in use, by whichever process.
int64_t memoryInUse();

/// The kernels that are compiled when the device is opened.
enum class Kernel { addFixedPoint, meanOfSums, squaresOfSums, digestPieces, maskElements, count };

/// Starts `kernel` with at least `threads` threads, in the order of the calling thread's stream.
/// `arguments` point to the values.
void launch(Kernel kernel, int64_t threads, std::vector<void *> arguments);

}  // namespace cuda
}  // namespace ctorch
