// The device of this process. CUDA is found at run time: neither its headers nor its libraries are
// needed to build, and a process that computes on the CPU never loads them.
#include <dlfcn.h>

#include <cstdlib>
#include <mutex>

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>

#include "CudaDriver.h"
#include "Device.h"
#include "Support.h"

using ctorch::guarded;

namespace {

at::Device chosenDevice(at::kCPU);
std::mutex choice;

/// Loads the half of libtorch that knows CUDA; its static initialisers register the kernels.
///
/// libtorch remembers the answer to its first question about CUDA, so that this comes before it.
void loadCudaLibrary() {
  const std::string path = ctorch::torchFolder() + "/libtorch_cuda.so";
  if (dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    throw std::runtime_error(
        std::string("this libtorch computes on the CPU only (") + dlerror() +
        "); install a CUDA build of torch, or set cluster.device: cpu");
  }
}

/// The settings that decide which kernels run: the same bits each time.
void requireDeterminism() {
  auto &context = at::globalContext();
  context.setDeterministicAlgorithms(true, false);
  context.setDeterministicCuDNN(true);
  context.setBenchmarkCuDNN(false);
  context.setFloat32MatmulPrecision("highest");
  context.setAllowTF32CuDNN(false);
  context.setSDPUseCuDNN(false);
}

void useCuda(int index) {
  const int count = ctorch::cuda::deviceCount();
  if (index < 0 || index >= count) {
    throw std::runtime_error(
        "there is no CUDA device " + std::to_string(index) + " here: the driver shows " +
        std::to_string(count));
  }
  // cuBLAS reads it when it starts; without it, its sums may be split otherwise each time.
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 1);
  loadCudaLibrary();
  at::globalContext().lazyInitDevice(at::kCUDA);
  requireDeterminism();
  ctorch::cuda::open(index);
}

}  // namespace

at::Device ctorch::device() { return chosenDevice; }

at::Tensor ctorch::onHost(const at::Tensor &tensor) {
  return tensor.is_cpu() ? tensor : tensor.to(at::kCPU);
}

at::Tensor ctorch::stagingFor(const at::Tensor &tensor) {
  return at::empty(tensor.sizes(), tensor.options().device(at::kCPU).pinned_memory(true));
}

CTStatus ct_use_device(CTDevice kind, int index) {
  return guarded([&] {
    std::lock_guard<std::mutex> lock(choice);
    const at::Device wanted =
        kind == CT_CUDA ? at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index)) : at::kCPU;
    if (wanted == chosenDevice) return;
    if (!chosenDevice.is_cpu()) {
      throw std::runtime_error(
          "this process computes on " + chosenDevice.str() + " and cannot change to " +
          wanted.str());
    }
    if (kind == CT_CUDA) useCuda(index);
    chosenDevice = wanted;
  });
}

bool ct_device_is_host(void) { return chosenDevice.is_cpu(); }

CTStatus ct_device_synchronize(void) {
  return guarded([&] {
    if (!chosenDevice.is_cpu()) at::accelerator::synchronizeDevice(chosenDevice.index());
  });
}

const char *ct_device_name(void) {
  static const std::string name = ctorch::device().is_cpu() ? "" : ctorch::cuda::description();
  return name.c_str();
}

CTStatus ct_cuda_device_count(int *out) {
  return guarded([&] { *out = ctorch::cuda::deviceCount(); });
}
