#pragma once
// Sums of gradients as integers in units of 2^-40 (FixedPoint.cpp).
#include <ATen/core/Tensor.h>

namespace ctorch {

/// out = float32(float32(sums * 2^-40 * factor) * clip), wherever the two are.
void meanOfSums(const at::Tensor &sums, const at::Tensor &out, double factor, double clip);

}  // namespace ctorch
