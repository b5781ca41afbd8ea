// Dropout whose mask is a function of (seed, use, element): nothing is drawn in sequence and no mask
// is kept, since the backward pass computes it again.
#include <cstdint>

#include <ATen/ATen.h>
#include <ATen/ops/scaled_dot_product_attention_native.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "CudaKernels.h"
#include "Dropout.h"
#include "Support.h"

namespace {

thread_local uint64_t dropoutSeed = 0;
thread_local uint64_t dropoutUses = 0;
thread_local bool dropoutIsOff = false;

uint64_t mixed(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

// The loader resolves function clones before a sanitizer runtime is initialised, and the resolver
// would call that runtime. Sanitizer builds disable clones.
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define CT_CLONES
#else
#define CT_CLONES __attribute__((target_clones("avx2", "default")))
#endif

/// Keeps an element when the hash of its index reaches `threshold`, and scales what it keeps.
CT_CLONES void maskElements(
    const float *input, float *output, int64_t count, uint64_t key, uint32_t threshold,
    float scale) {
  const uint32_t low = static_cast<uint32_t>(key), high = static_cast<uint32_t>(key >> 32);
  for (int64_t i = 0; i < count; i++) {
    uint32_t hash = (static_cast<uint32_t>(i) + low) * 0x9E3779B1u;
    hash = (hash ^ (hash >> 15)) * 0x85EBCA6Bu;
    hash = (hash ^ (hash >> 13) ^ high) * 0xC2B2AE35u;
    hash ^= hash >> 16;
    output[i] = hash >= threshold ? input[i] * scale : 0.0f;
  }
}

at::Tensor masked(const at::Tensor &input, double probability, uint64_t key) {
  if (input.scalar_type() == at::kBFloat16) {
    return masked(input.to(at::kFloat), probability, key).to(at::kBFloat16);
  }
  TORCH_CHECK(input.scalar_type() == at::kFloat, "dropout needs float32 or bfloat16");
  const at::Tensor dense = input.contiguous();
  at::Tensor output = at::empty_like(dense);
  const auto threshold = static_cast<uint32_t>(probability * 0x1p32);
  const auto scale = static_cast<float>(1 / (1 - probability));
  if (dense.is_cuda()) {
    ctorch::cuda::maskElements(dense, output, key, threshold, scale);
  } else {
    maskElements(
        dense.const_data_ptr<float>(), output.data_ptr<float>(), dense.numel(), key, threshold,
        scale);
  }
  return output;
}

struct KeyedDropout : torch::autograd::Function<KeyedDropout> {
  static at::Tensor forward(
      torch::autograd::AutogradContext *context, const at::Tensor &input, double probability,
      int64_t key) {
    context->saved_data["probability"] = probability;
    context->saved_data["key"] = key;
    return masked(input, probability, static_cast<uint64_t>(key));
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext *context, torch::autograd::variable_list gradients) {
    const double probability = context->saved_data["probability"].toDouble();
    const int64_t key = context->saved_data["key"].toInt();
    return {
        masked(gradients[0], probability, static_cast<uint64_t>(key)), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

void ctorch::switchDropout(bool isOn) { dropoutIsOff = !isOn; }

bool ctorch::isTraining() { return !dropoutIsOff; }

void ctorch::seedDropout(uint64_t seed) {
  dropoutSeed = seed;
  dropoutUses = 0;
}

namespace {

/// Replaces libtorch's own dropout, also inside its attention, because its masks come from a
/// generator that all threads share.
at::Tensor replacedDropout(const at::Tensor &input, double probability, bool isTraining) {
  TORCH_CHECK(probability >= 0 && probability < 1, "dropout of ", probability);
  const bool isOn = isTraining && probability > 0;
  return isOn ? ctorch::dropout(input, probability) : input;
}

/// Attention on a CUDA device, whose fused kernels draw masks of their own: with dropout, the parts that
/// call ours.
at::Tensor replacedAttention(
    const at::Tensor &query, const at::Tensor &key, const at::Tensor &value,
    const std::optional<at::Tensor> &mask, double dropout, bool isCausal,
    std::optional<double> scale, bool sharesKeys) {
  if (dropout > 0) {
    return std::get<0>(at::_scaled_dot_product_attention_math(
        query, key, value, mask, dropout, isCausal, /*dropout_mask=*/{}, scale, sharesKeys));
  }
  return at::native::scaled_dot_product_attention(
      query, key, value, mask, dropout, isCausal, scale, sharesKeys);
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, AutogradCPU, library) { library.impl("dropout", replacedDropout); }
TORCH_LIBRARY_IMPL(aten, AutogradCUDA, library) {
  library.impl("dropout", replacedDropout);
  library.impl("scaled_dot_product_attention", replacedAttention);
}

at::Tensor ctorch::dropout(const at::Tensor &input, double probability) {
  if (dropoutIsOff) return input;
  dropoutUses++;
  const uint64_t key = mixed(mixed(dropoutSeed + 0x9E3779B97F4A7C15u) + dropoutUses);
  return KeyedDropout::apply(input, probability, static_cast<int64_t>(key));
}
