#include <cmath>

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
    case CT_INT32: return at::kInt;
    case CT_BOOLEAN: return at::kBool;
    case CT_BFLOAT16: return at::kBFloat16;
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

namespace {

/// Fills a tensor with what `draw` makes of numbers and a generator.
template <class Draw>
CTStatus fillByDraws(CTTensor *tensor, uint64_t seed, Draw &&draw) {
  return guarded([&] {
    at::NoGradGuard noGrad;
    // A generator of its own: the process's is shared by all threads. On the CPU: the same draws
    // on every device.
    auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
    at::Tensor draws = at::empty(tensor->value.sizes(), tensor->value.options().device(at::kCPU));
    draw(draws, generator);
    tensor->value.copy_(draws);
  });
}

/// The share of a normal distribution below `bound` deviations.
double normalShare(double bound) { return (1 + std::erf(bound / std::sqrt(2.0))) / 2; }

}  // namespace

CTStatus ct_tensor_fill_normal(
    CTTensor *tensor, double mean, double deviation, uint64_t seed) {
  return fillByDraws(tensor, seed, [&](at::Tensor &draws, const at::Generator &generator) {
    draws.normal_(mean, deviation, generator);
  });
}

CTStatus ct_tensor_fill_uniform(CTTensor *tensor, double low, double high, uint64_t seed) {
  return fillByDraws(tensor, seed, [&](at::Tensor &draws, const at::Generator &generator) {
    draws.uniform_(low, high, generator);
  });
}

CTStatus ct_tensor_fill_truncated_normal(
    CTTensor *tensor, double mean, double deviation, double low, double high, uint64_t seed) {
  return fillByDraws(tensor, seed, [&](at::Tensor &draws, const at::Generator &generator) {
    // By the inverse of the distribution, from even draws of what is left of it.
    const double first = 2 * normalShare((low - mean) / deviation) - 1;
    const double last = 2 * normalShare((high - mean) / deviation) - 1;
    draws.uniform_(first, last, generator).erfinv_();
    draws.mul_(deviation * std::sqrt(2.0)).add_(mean).clamp_(low, high);
  });
}

CTStatus ct_tensor_fill(CTTensor *tensor, double value) {
  return guarded([&] {
    at::NoGradGuard noGrad;
    tensor->value.fill_(value);
  });
}

bool ct_tensor_is_floating_point(CTTensor *tensor) { return tensor->value.is_floating_point(); }

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
    CTTensor *const *outputs, CTTensor *const *seeds, int output_count, CTTensor *const *inputs,
    int count, CTTensor **out) {
  return guarded([&] {
    torch::autograd::variable_list wanted, roots, root_seeds;
    for (int i = 0; i < count; i++) wanted.push_back(inputs[i]->value);
    for (int i = 0; i < output_count; i++) {
      // What follows from the microbatch alone has no gradient.
      if (!outputs[i]->value.requires_grad()) continue;
      roots.push_back(outputs[i]->value);
      if (seeds != nullptr) root_seeds.push_back(seeds[i]->value);
    }
    torch::autograd::variable_list gradients(wanted.size());
    if (!roots.empty() && !wanted.empty()) {
      gradients = torch::autograd::grad(
          roots, wanted, root_seeds, /*retain_graph=*/false, /*create_graph=*/false,
          /*allow_unused=*/true);
    }
    for (int i = 0; i < count; i++) {
      auto &gradient = gradients[i];
      out[i] = wrap(gradient.defined() ? std::move(gradient) : at::zeros_like(wanted[i].detach()));
    }
  });
}

CTStatus ct_cast(CTTensor *input, CTType type, CTTensor **out) {
  return guarded([&] { *out = wrap(input->value.to(scalarType(type))); });
}
