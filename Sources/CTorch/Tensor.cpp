#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/grad_mode.h>
#include <torch/csrc/autograd/variable.h>

#include "Device.h"
#include "Support.h"

using ctorch::guarded;
using ctorch::wrap;

namespace {

at::ScalarType scalarType(CTType type) {
  switch (type) {
    case CT_FLOAT32: return at::kFloat;
    case CT_INT64: return at::kLong;
    case CT_UINT8: return at::kByte;
  }
  throw std::invalid_argument("unknown element type");
}

at::TensorOptions options(CTType type, CTPlace place) {
  const at::Device device = place == CT_HOST ? at::Device(at::kCPU) : ctorch::device();
  return at::TensorOptions().dtype(scalarType(type)).device(device);
}

at::IntArrayRef sizes(const int64_t *shape, int rank) {
  return at::IntArrayRef(shape, static_cast<size_t>(rank));
}

}  // namespace

void ct_tensor_free(CTTensor *tensor) { delete tensor; }

CTStatus ct_tensor_empty(
    const int64_t *shape, int rank, CTType type, CTPlace place, CTTensor **out) {
  return guarded([&] { *out = wrap(at::empty(sizes(shape, rank), options(type, place))); });
}

CTStatus ct_tensor_zeros(
    const int64_t *shape, int rank, CTType type, CTPlace place, CTTensor **out) {
  return guarded([&] { *out = wrap(at::zeros(sizes(shape, rank), options(type, place))); });
}

CTStatus ct_tensor_to_host(CTTensor *tensor, CTTensor **out) {
  return guarded([&] { *out = wrap(ctorch::onHost(tensor->value.detach())); });
}

bool ct_tensor_is_on_host(CTTensor *tensor) { return tensor->value.is_cpu(); }

CTStatus ct_tensor_view(
    CTTensor *base, int64_t offset, const int64_t *shape, int rank, CTTensor **out) {
  return guarded([&] {
    int64_t count = 1;
    for (int i = 0; i < rank; i++) count *= shape[i];
    *out = wrap(base->value.narrow(0, offset, count).view(sizes(shape, rank)));
  });
}

CTStatus ct_tensor_leaf(CTTensor *tensor, bool requires_grad, CTTensor **out) {
  return guarded([&] { *out = wrap(tensor->value.detach().set_requires_grad(requires_grad)); });
}

CTStatus ct_tensor_contiguous(CTTensor *tensor, CTTensor **out) {
  return guarded([&] { *out = wrap(tensor->value.contiguous()); });
}

CTStatus ct_tensor_accumulate(CTTensor *target, CTTensor *source) {
  return guarded([&] {
    at::NoGradGuard noGrad;
    target->value.add_(source->value);
  });
}

CTStatus ct_tensor_copy(CTTensor *target, CTTensor *source) {
  return guarded([&] {
    at::NoGradGuard noGrad;
    target->value.copy_(source->value);
  });
}

CTStatus ct_tensor_fill_normal(CTTensor *tensor, double deviation, uint64_t seed) {
  return guarded([&] {
    at::NoGradGuard noGrad;
    // A generator of its own: the process's is shared by all threads. On the CPU: the same draws
    // on every device.
    auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
    at::Tensor draws = at::empty(tensor->value.sizes(), tensor->value.options().device(at::kCPU));
    tensor->value.copy_(draws.normal_(0.0, deviation, generator));
  });
}

CTStatus ct_tensor_fill(CTTensor *tensor, double value) {
  return guarded([&] {
    at::NoGradGuard noGrad;
    tensor->value.fill_(value);
  });
}

int64_t ct_tensor_count(CTTensor *tensor) { return tensor->value.numel(); }

int ct_tensor_rank(CTTensor *tensor) { return static_cast<int>(tensor->value.dim()); }

int64_t ct_tensor_element_bytes(CTTensor *tensor) {
  return static_cast<int64_t>(tensor->value.element_size());
}

int64_t ct_tensor_size(CTTensor *tensor, int dimension) { return tensor->value.sizes()[dimension]; }

void *ct_tensor_data(CTTensor *tensor) { return tensor->value.data_ptr(); }

CTStatus ct_tensor_item(CTTensor *tensor, double *out) {
  return guarded([&] { *out = tensor->value.item().toDouble(); });
}

CTStatus ct_gradients(
    CTTensor *output, CTTensor *seed, CTTensor *const *inputs, int count, CTTensor **out) {
  return guarded([&] {
    torch::autograd::variable_list wanted;
    for (int i = 0; i < count; i++) wanted.push_back(inputs[i]->value);
    torch::autograd::variable_list seeds;
    if (seed != nullptr) seeds.push_back(seed->value);
    auto gradients = torch::autograd::grad({output->value}, wanted, seeds, false);
    for (int i = 0; i < count; i++) out[i] = wrap(std::move(gradients[i]));
  });
}
