// What all parts of the shim share: handles and the boundary where exceptions end.
#pragma once
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include <ATen/core/Tensor.h>

#include "include/CTorch.h"

struct CTTensor {
  at::Tensor value;
};

namespace ctorch {

/// Thrown by a wait that was aborted.
struct Aborted : std::exception {
  const char *what() const noexcept override { return "aborted"; }
};

/// Thrown for a number that is not finite or too large.
struct OutOfRange : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void setError(const std::string &message);

/// Whether an error without a type of its own says that there was no memory: of libtorch's allocator
/// for the CPU, of CUDA or one of its libraries, of a system call of Gloo, or of a thread that could
/// not be started.
inline bool isOutOfMemory(const std::string &message) {
  for (const char *sign :
       {"DefaultCPUAllocator: ", "Cannot allocate memory", "CUDA error: out of memory",
        "CUBLAS_STATUS_ALLOC_FAILED"}) {
    if (message.find(sign) != std::string::npos) return true;
  }
  return false;
}

/// Runs `body`, turning exceptions into a status and a message.
template <class Body>
CTStatus guarded(Body &&body) {
  try {
    body();
    return CT_OK;
  } catch (const Aborted &error) {
    setError(error.what());
    return CT_ABORTED;
  } catch (const OutOfRange &error) {
    setError(error.what());
    return CT_OUT_OF_RANGE;
  } catch (const c10::OutOfMemoryError &error) {
    setError(error.what_without_backtrace());
    return CT_OUT_OF_MEMORY;
  } catch (const c10::Error &error) {
    setError(error.what_without_backtrace());
    if (isOutOfMemory(error.what_without_backtrace())) return CT_OUT_OF_MEMORY;
  } catch (const std::bad_alloc &error) {
    setError(error.what());
    return CT_OUT_OF_MEMORY;
  } catch (const std::system_error &error) {
    setError(error.what());
    // What is thrown where a thread cannot be started.
    const bool isThread = error.code() == std::errc::resource_unavailable_try_again;
    if (isThread || error.code() == std::errc::not_enough_memory) return CT_OUT_OF_MEMORY;
  } catch (const std::exception &error) {
    setError(error.what());
    if (isOutOfMemory(error.what())) return CT_OUT_OF_MEMORY;
  } catch (...) {
    setError("unknown C++ exception");
  }
  return CT_ERROR;
}

inline CTTensor *wrap(at::Tensor tensor) { return new CTTensor{std::move(tensor)}; }

}  // namespace ctorch
