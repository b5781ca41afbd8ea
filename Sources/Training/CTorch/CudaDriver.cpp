// CUDA's driver and its run-time compiler, found by name: their headers are not needed. What is
// declared here by hand is the part of their stable C interfaces that is used.
#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "CudaDriver.h"
#include "CudaKernels.h"
#include "Device.h"

namespace {

using Result = int;
using DriverDevice = int;
using Handle = void *;

constexpr Result outOfMemory = 2;
constexpr int multiprocessors = 16, majorVersion = 75, minorVersion = 76;
constexpr unsigned blockThreads = 256;
/// Blocks of one launch at most: every kernel strides over the rest.
constexpr int64_t mostBlocks = 65535;

template <class Function>
void find(void *library, const char *name, Function &function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) throw std::runtime_error(std::string("CUDA lacks ") + name);
}

struct Driver {
  Result (*init)(unsigned);
  Result (*version)(int *);
  Result (*errorString)(Result, const char **);
  Result (*count)(int *);
  Result (*device)(DriverDevice *, int);
  Result (*name)(char *, int, DriverDevice);
  Result (*attribute)(int *, int, DriverDevice);
  Result (*memory)(size_t *, DriverDevice);
  Result (*memoryLeft)(size_t *, size_t *);
  Result (*retain)(Handle *, DriverDevice);
  Result (*setContext)(Handle);
  Result (*load)(Handle *, const void *);
  Result (*function)(Handle *, Handle, const char *);
  Result (*launch)(
      Handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Handle,
      void **, void **);

  Driver() {
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL);
    if (library == nullptr) {
      throw std::runtime_error(
          std::string("there is no NVIDIA driver here (") + dlerror() +
          "); cluster.device: cpu computes without one");
    }
    find(library, "cuInit", init);
    find(library, "cuDriverGetVersion", version);
    find(library, "cuGetErrorString", errorString);
    find(library, "cuDeviceGetCount", count);
    find(library, "cuDeviceGet", device);
    find(library, "cuDeviceGetName", name);
    find(library, "cuDeviceGetAttribute", attribute);
    find(library, "cuDeviceTotalMem_v2", memory);
    find(library, "cuMemGetInfo_v2", memoryLeft);
    find(library, "cuDevicePrimaryCtxRetain", retain);
    find(library, "cuCtxSetCurrent", setContext);
    find(library, "cuModuleLoadData", load);
    find(library, "cuModuleGetFunction", function);
    find(library, "cuLaunchKernel", launch);
    check(init(0), "start the CUDA driver");
  }

  void check(Result result, const char *what) const {
    if (result == 0) return;
    if (result == outOfMemory) throw std::bad_alloc();
    const char *text = nullptr;
    errorString(result, &text);
    throw std::runtime_error(
        std::string("cannot ") + what + ": " + (text ? text : "unknown CUDA error") + " (" +
        std::to_string(result) + ")");
  }
};

const Driver &driver() {
  static const Driver driver;
  return driver;
}

struct OpenDevice {
  DriverDevice device = 0;
  Handle context = nullptr;
  std::array<Handle, static_cast<size_t>(ctorch::cuda::Kernel::count)> kernels{};
};

OpenDevice opened;

int attribute(int which, DriverDevice device) {
  int value = 0;
  driver().check(driver().attribute(&value, which, device), "read an attribute of the device");
  return value;
}

/// The folder of the loaded library whose file name starts with `name`; empty when there is none.
std::string folderOfLoaded(const std::string &name) {
  std::pair<std::string, std::string> search("/" + name, "");
  dl_iterate_phdr(
      [](dl_phdr_info *info, size_t, void *context) {
        auto &[start, folder] = *static_cast<std::pair<std::string, std::string> *>(context);
        const std::string path = info->dlpi_name;
        const auto slash = path.rfind('/');
        if (slash == std::string::npos || path.compare(slash, start.size(), start) != 0) return 0;
        folder = path.substr(0, slash);
        return 1;
      },
      &search);
  return search.second;
}

/// CUDA's compiler, in the version that torch came with.
void *compiler() {
  // This library of torch's is linked to it.
  const std::string path = ctorch::torchFolder() + "/libcaffe2_nvrtc.so";
  void *library = dlopen(path.c_str(), RTLD_NOW);
  if (library == nullptr) {
    throw std::runtime_error(std::string("cannot load CUDA's compiler: ") + dlerror());
  }
  // It looks for its second half by name only, and finds it if that is already loaded.
  Result (*version)(int *, int *);
  find(library, "nvrtcVersion", version);
  int major = 0, minor = 0;
  version(&major, &minor);
  const std::string second = folderOfLoaded("libnvrtc.so") + "/libnvrtc-builtins.so." +
                             std::to_string(major) + "." + std::to_string(minor);
  dlopen(second.c_str(), RTLD_NOW);
  return library;
}

/// The kernels' machine code for one architecture.
std::vector<char> compiled(int major, int minor) {
  void *library = compiler();
  using Program = void *;
  Result (*create)(
      Program *, const char *, const char *, int, const char *const *, const char *const *);
  Result (*compile)(Program, int, const char *const *);
  Result (*size)(Program, size_t *), (*logSize)(Program, size_t *);
  Result (*get)(Program, char *), (*getLog)(Program, char *), (*destroy)(Program *);
  find(library, "nvrtcCreateProgram", create);
  find(library, "nvrtcCompileProgram", compile);
  find(library, "nvrtcGetCUBINSize", size);
  find(library, "nvrtcGetCUBIN", get);
  find(library, "nvrtcGetProgramLogSize", logSize);
  find(library, "nvrtcGetProgramLog", getLog);
  find(library, "nvrtcDestroyProgram", destroy);
  Program program = nullptr;
  if (create(&program, ctorch::cuda::kernelSource, "oobleck.cu", 0, nullptr, nullptr) != 0) {
    throw std::runtime_error("CUDA's compiler does not start");
  }
  const std::string architecture =
      "--gpu-architecture=sm_" + std::to_string(major) + std::to_string(minor);
  // A fused multiply-add rounds once where the CPU rounds twice.
  const char *options[] = {architecture.c_str(), "--fmad=false"};
  const Result result = compile(program, 2, options);
  size_t bytes = 0;
  std::vector<char> code;
  std::string log;
  if (result == 0 && size(program, &bytes) == 0) {
    code.resize(bytes);
    get(program, code.data());
  } else if (logSize(program, &bytes) == 0) {
    log.resize(bytes);
    getLog(program, log.data());
  }
  destroy(&program);
  if (code.empty()) throw std::runtime_error("CUDA's compiler refuses the kernels: " + log);
  return code;
}

}  // namespace

std::string ctorch::torchFolder() {
  const std::string folder = folderOfLoaded("libtorch_cpu.so");
  if (folder.empty()) throw std::runtime_error("libtorch_cpu.so is not among what is loaded");
  return folder;
}

int ctorch::cuda::deviceCount() {
  int count = 0;
  driver().check(driver().count(&count), "count the CUDA devices");
  return count;
}

void ctorch::cuda::open(int index) {
  const Driver &cuda = driver();
  cuda.check(cuda.device(&opened.device, index), "open the device");
  cuda.check(cuda.retain(&opened.context, opened.device), "use the device");
  cuda.check(cuda.setContext(opened.context), "use the device");
  const auto code =
      compiled(attribute(majorVersion, opened.device), attribute(minorVersion, opened.device));
  Handle module = nullptr;
  cuda.check(cuda.load(&module, code.data()), "load the kernels");
  for (size_t i = 0; i < opened.kernels.size(); i++) {
    cuda.check(cuda.function(&opened.kernels[i], module, kernelNames[i]), kernelNames[i]);
  }
}

int64_t ctorch::cuda::memoryInUse() {
  size_t left = 0;
  size_t total = 0;
  driver().check(driver().setContext(opened.context), "use the device");
  driver().check(driver().memoryLeft(&left, &total), "ask for the device's memory");
  return static_cast<int64_t>(total - left);
}

std::string ctorch::cuda::description() {
  const Driver &cuda = driver();
  char name[128] = {};
  size_t memory = 0;
  int version = 0;
  cuda.check(cuda.name(name, sizeof name, opened.device), "name the device");
  cuda.check(cuda.memory(&memory, opened.device), "ask for the device's memory");
  cuda.check(cuda.version(&version), "ask for the driver's version");
  return std::string(name) + ", " +
         std::to_string(attribute(multiprocessors, opened.device)) + " multiprocessors, " +
         std::to_string(memory >> 20) + " MiB, CUDA " + std::to_string(version / 1000) + "." +
         std::to_string(version % 1000 / 10);
}

void ctorch::cuda::launch(Kernel kernel, int64_t threads, std::vector<void *> arguments) {
  if (threads <= 0) return;
  const Driver &cuda = driver();
  // Autograd calls from threads of its own; to set the context that is current costs nothing.
  cuda.check(cuda.setContext(opened.context), "use the device");
  const c10::impl::VirtualGuardImpl guard(c10::DeviceType::CUDA);
  const auto stream = guard.getStream(ctorch::device()).native_handle();
  const int64_t blocks = std::min<int64_t>((threads + blockThreads - 1) / blockThreads, mostBlocks);
  cuda.check(
      cuda.launch(
          opened.kernels[static_cast<size_t>(kernel)], static_cast<unsigned>(blocks), 1, 1,
          blockThreads, 1, 1, 0, stream, arguments.data(), nullptr),
      "start a kernel");
}
