#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <caffe2/core/common.h>
#include <torch/version.h>

#include "CudaDriver.h"
#include "Device.h"
#include "Dropout.h"
#include "Support.h"

using ctorch::guarded;

namespace {

thread_local std::string lastError;

/// Counts the bytes of tensors that one thread allocates and frees.
struct MemoryMeter : c10::MemoryReportingInfoBase {
  int64_t current = 0;
  int64_t peak = 0;
  int64_t allocated = 0;
  int64_t allocations = 0;
  void reportMemoryUsage(void *, int64_t size, size_t, size_t, c10::Device) override {
    current += size;
    if (size > 0) {
      allocated += size;
      allocations += 1;
    }
    peak = std::max(peak, current);
  }
  bool memoryProfilingEnabled() const override { return true; }
};

thread_local std::shared_ptr<MemoryMeter> meter;

}  // namespace

void ctorch::setError(const std::string &message) { lastError = message; }

const char *ct_error_message(void) { return lastError.c_str(); }

const char *ct_version_built(void) { return TORCH_VERSION; }

const char *ct_version_loaded(void) {
  // Not from at::show_config(): it asks whether there is CUDA, and libtorch remembers the answer that
  // it gets before its CUDA half is loaded.
  static const std::string version = [] {
    const auto &options = caffe2::GetBuildOptions();
    const auto found = options.find("TORCH_VERSION");
    return found == options.end() ? std::string("unknown") : found->second;
  }();
  return version.c_str();
}

const char *ct_kernel_level(void) {
  static const std::string level = at::get_cpu_capability();
  return level.c_str();
}

CTStatus ct_initialize(int thread_count) {
  return guarded([&] {
    std::signal(SIGPIPE, SIG_IGN);
    at::set_num_threads(thread_count);
    // Numbers too small for full precision are kept: what sets them to zero is a setting of the thread.
    at::globalContext().setFlushDenormal(false);
    at::globalContext().setDeterministicAlgorithms(true, false);
    at::globalContext().setDeterministicFillUninitializedMemory(false);
  });
}

void ct_release_free_memory(void) {
  malloc_trim(0);
  if (!ctorch::device().is_cpu()) at::accelerator::emptyCache();
}

void ct_return_blocks_from(size_t bytes) { mallopt(M_MMAP_THRESHOLD, static_cast<int>(bytes)); }

CTStatus ct_memory_in_use(int64_t *out) {
  return guarded([&] {
    if (!ctorch::device().is_cpu()) {
      *out = ctorch::cuda::memoryInUse();
      return;
    }
    int64_t whole = 0;
    int64_t resident = 0;
    std::ifstream("/proc/self/statm") >> whole >> resident;
    if (resident == 0) throw std::runtime_error("cannot read /proc/self/statm");
    *out = resident * sysconf(_SC_PAGESIZE);
  });
}

CTStatus ct_switch_training(bool is_on) {
  return guarded([&] {
    ctorch::switchDropout(is_on);
    at::GradMode::set_enabled(is_on);
  });
}

CTStatus ct_switch_autocast(bool is_on) {
  return guarded([&] {
    const auto type = ctorch::device().type();
    at::autocast::set_autocast_dtype(type, at::kBFloat16);
    at::autocast::set_autocast_enabled(type, is_on);
    if (!is_on) at::autocast::clear_cache();
  });
}

bool ct_autocasts(void) {
  return at::autocast::is_autocast_enabled(ctorch::device().type());
}

CTStatus ct_seed_dropout(uint64_t seed) {
  return guarded([&] {
    ctorch::seedDropout(seed);
  });
}

CTStatus ct_memory_meter_start(void) {
  return guarded([&] {
    if (meter) throw std::runtime_error("the memory meter already runs on this thread");
    meter = std::make_shared<MemoryMeter>();
    c10::ThreadLocalDebugInfo::_push(c10::DebugInfoKind::PROFILER_STATE, meter);
  });
}

CTStatus ct_memory_meter_read(CTMemoryReading *out) {
  return guarded([&] {
    if (!meter) throw std::runtime_error("the memory meter does not run on this thread");
    *out = {meter->current, meter->peak, meter->allocated, meter->allocations};
  });
}

CTStatus ct_memory_meter_stop(void) {
  return guarded([&] {
    if (!meter) return;
    c10::ThreadLocalDebugInfo::_pop(c10::DebugInfoKind::PROFILER_STATE);
    meter.reset();
  });
}
