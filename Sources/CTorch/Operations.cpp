#include <ATen/ATen.h>

#include "Support.h"

using ctorch::guarded;
using ctorch::wrap;

CTStatus ct_add(CTTensor *left, CTTensor *right, CTTensor **out) {
  return guarded([&] { *out = wrap(at::add(left->value, right->value)); });
}

CTStatus ct_embedding(CTTensor *weight, CTTensor *indices, CTTensor **out) {
  return guarded([&] { *out = wrap(at::embedding(weight->value, indices->value)); });
}

CTStatus ct_layer_norm(CTTensor *input, CTTensor *weight, CTTensor *bias, CTTensor **out) {
  return guarded([&] {
    const auto shape = weight->value.sizes();
    *out = wrap(at::layer_norm(input->value, shape, weight->value, bias->value, 1e-5));
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

CTStatus ct_gelu_tanh(CTTensor *input, CTTensor **out) {
  return guarded([&] { *out = wrap(at::gelu(input->value, "tanh")); });
}

CTStatus ct_dropout(CTTensor *input, double probability, CTTensor **out) {
  return guarded([&] { *out = wrap(at::dropout(input->value, probability, true)); });
}

CTStatus ct_causal_attention(CTTensor *qkv, int heads, double dropout, CTTensor **out) {
  return guarded([&] {
    const auto &x = qkv->value;
    const int64_t batch = x.size(0), sequence = x.size(1), hidden = x.size(2) / 3;
    const auto parts = x.view({batch, sequence, 3, heads, hidden / heads}).unbind(2);
    auto mixed = at::scaled_dot_product_attention(
        parts[0].transpose(1, 2), parts[1].transpose(1, 2), parts[2].transpose(1, 2),
        /*attn_mask=*/{}, dropout, /*is_causal=*/true);
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
