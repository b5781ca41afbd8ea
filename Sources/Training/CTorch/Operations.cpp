#include <limits>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "Dropout.h"
#include "Support.h"

using ctorch::guarded;
using ctorch::wrap;

CTStatus ct_add(CTTensor *left, CTTensor *right, CTTensor **out) {
  return guarded([&] { *out = wrap(at::add(left->value, right->value)); });
}

CTStatus ct_embedding(CTTensor *weight, CTTensor *indices, CTTensor **out) {
  return guarded([&] { *out = wrap(at::embedding(weight->value, indices->value)); });
}

CTStatus ct_first_rows(CTTensor *input, int64_t count, CTTensor **out) {
  return guarded([&] { *out = wrap(input->value.narrow(0, 0, count)); });
}

CTStatus ct_layer_norm(
    CTTensor *input, CTTensor *weight, CTTensor *bias, double epsilon, CTTensor **out) {
  return guarded([&] {
    const auto shape = weight->value.sizes();
    *out = wrap(at::layer_norm(input->value, shape, weight->value, bias->value, epsilon));
  });
}

CTStatus ct_affine(CTTensor *input, CTTensor *weight, CTTensor *bias, CTTensor **out) {
  return guarded([&] {
    const auto &x = input->value;
    auto shape = x.sizes().vec();
    shape.back() = weight->value.size(1);
    auto rows = x.reshape({-1, x.size(-1)});
    *out = wrap(at::addmm(bias->value, rows, weight->value).view(shape));
  });
}

CTStatus ct_project(CTTensor *input, CTTensor *weight, CTTensor **out) {
  return guarded([&] { *out = wrap(at::linear(input->value, weight->value)); });
}

namespace {

at::Tensor activated(const at::Tensor &x, CTActivation activation) {
  switch (activation) {
    case CT_GELU_TANH: return at::gelu(x, "tanh");
    case CT_GELU: return at::gelu(x, "none");
    case CT_RELU: return at::relu(x);
    case CT_SILU: return at::silu(x);
    case CT_TANH: return at::tanh(x);
    case CT_QUICK_GELU: return x * at::sigmoid(1.702 * x);
  }
  TORCH_CHECK(false, "there is no activation ", static_cast<int>(activation));
}

}  // namespace

CTStatus ct_activation(CTTensor *input, CTActivation activation, CTTensor **out) {
  return guarded([&] { *out = wrap(activated(input->value, activation)); });
}

CTStatus ct_scale(CTTensor *input, double factor, CTTensor **out) {
  return guarded([&] {
    at::NoGradGuard noGrad;
    *out = wrap(at::mul(input->value, factor));
  });
}

CTStatus ct_dropout(CTTensor *input, double probability, CTTensor **out) {
  return guarded([&] { *out = wrap(ctorch::dropout(input->value, probability)); });
}

namespace {

/// Adds this to scores, and no position sees a later one. Kept for the last sequence length.
const at::Tensor &causalMask(int64_t sequence, at::Device device) {
  thread_local at::Tensor mask;
  if (!mask.defined() || mask.size(0) != sequence || mask.device() != device) {
    const float hidden = -std::numeric_limits<float>::infinity();
    mask = at::full({sequence, sequence}, hidden, at::TensorOptions().device(device)).triu_(1);
  }
  return mask;
}

}  // namespace

CTStatus ct_causal_attention(
    CTTensor *qkv, int heads, double scale, double dropout, CTTensor **out) {
  return guarded([&] {
    const auto &x = qkv->value;
    const int64_t batch = x.size(0), sequence = x.size(1), hidden = x.size(2) / 3;
    const auto parts = x.view({batch, sequence, 3, heads, hidden / heads}).unbind(2);
    const auto query = parts[0].transpose(1, 2), key = parts[1].transpose(1, 2);
    const auto value = parts[2].transpose(1, 2);
    at::Tensor mixed;
    if (dropout > 0) {
      // The fused kernel of the CPU has no dropout, and that of CUDA draws its own masks.
      const auto scores = at::matmul(query * scale, key.transpose(-2, -1));
      const auto weights = at::softmax(scores + causalMask(sequence, x.device()), -1);
      mixed = at::matmul(ctorch::dropout(weights, dropout), value);
    } else {
      mixed = at::scaled_dot_product_attention(
          query, key, value, /*attn_mask=*/{}, dropout, /*is_causal=*/true, scale);
    }
    *out = wrap(mixed.transpose(1, 2).reshape({batch, sequence, hidden}));
  });
}

CTStatus ct_cross_entropy(CTTensor *logits, CTTensor *targets, CTTensor **out) {
  return guarded([&] {
    const auto &x = logits->value;
    auto rows = x.view({-1, x.size(-1)});
    *out = wrap(at::cross_entropy_loss(rows, targets->value.view({-1})));
  });
}
