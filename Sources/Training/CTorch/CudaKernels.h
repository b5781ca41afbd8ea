#pragma once
// The kernels of our own, compiled on the machine where they run. Each computes the very bits that its
// counterpart for the CPU computes; what differs is said at its declaration.
#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "CudaDriver.h"

namespace ctorch::cuda {

/// Elements of a norm's pieces: their squares are summed in the order of the CPU, and so are then the
/// sums of the pieces, so that the norm of a tensor with more elements differs in its last bits.
constexpr int64_t normPiece = 4096;

extern const char *const kernelSource;
extern const char *const kernelNames[static_cast<size_t>(Kernel::count)];

/// Marks are below this.
constexpr int mostMarks = 1 << 14;

/// As `ct_accumulate_fixed_point`, but elements that are out of range are left out, and `mark` is
/// remembered.
void addFixedPoint(const at::Tensor &gradient, const at::Tensor &sums, float bound, int mark);
/// The marks that were remembered since the last call, ascending. Waits for the device.
std::vector<int> takeMarks();
void meanOfSums(const at::Tensor &sums, const at::Tensor &out, double scale, float clip);
double squaresOfSums(const at::Tensor &sums, double scale);
uint64_t digest(const at::Tensor &tensor, int64_t pieceBytes, uint64_t seed);
void maskElements(
    const at::Tensor &input, const at::Tensor &output, uint64_t key, uint32_t threshold,
    float scale);

}  // namespace ctorch::cuda
