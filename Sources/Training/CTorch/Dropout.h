#pragma once
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace ctorch {

/// Starts the sequence of masks of this seed, on this thread.
void seedDropout(uint64_t seed);

/// Whether dropout does anything on this thread.
void switchDropout(bool isOn);

/// Whether forward passes of this thread are for training.
bool isTraining();

/// Zeroes elements with the given probability, in (0, 1), and scales the rest.
at::Tensor dropout(const at::Tensor &input, double probability);

}  // namespace ctorch
