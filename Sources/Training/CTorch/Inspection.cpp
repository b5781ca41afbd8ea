// What this machine has, for `oobleck doctor`.
#include <dlfcn.h>
#include <sys/timex.h>

#include <chrono>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "CudaDriver.h"
#include "Device.h"
#include "Support.h"

using ctorch::guarded;

CTStatus ct_matmul_rate(bool bfloat16, int64_t size, double seconds, double *rate) {
  return guarded([&] {
    at::NoGradGuard noGrad;
    const auto options = at::TensorOptions().dtype(at::kFloat).device(ctorch::device());
    const auto type = bfloat16 ? at::kBFloat16 : at::kFloat;
    const at::Tensor left = at::ones({size, size}, options).to(type);
    const at::Tensor right = at::ones({size, size}, options).to(type);
    at::Tensor product = at::matmul(left, right);
    ct_device_synchronize();
    const auto start = std::chrono::steady_clock::now();
    const auto elapsed = [&] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    int64_t count = 0;
    do {
      product = at::matmul(left, right);
      count++;
      ct_device_synchronize();
    } while (elapsed() < seconds);
    const auto operations = 2.0 * static_cast<double>(size) * size * size * count;
    *rate = operations / elapsed();
  });
}

int ct_nccl_version(void) {
  // Beside torch, as pip installs it, or wherever the system has it.
  const std::string beside = ctorch::torchFolder() + "/../../nvidia/nccl/lib/libnccl.so.2";
  void *library = dlopen(beside.c_str(), RTLD_NOW);
  if (library == nullptr) library = dlopen("libnccl.so.2", RTLD_NOW);
  if (library == nullptr) return 0;
  const auto ask = reinterpret_cast<int (*)(int *)>(dlsym(library, "ncclGetVersion"));
  int version = 0;
  if (ask == nullptr || ask(&version) != 0) return 0;
  return version;
}

int ct_clock_is_synchronized(void) {
  timex reading = {};
  const int state = adjtimex(&reading);
  if (state < 0) return -1;
  return state == TIME_ERROR ? 0 : 1;
}
