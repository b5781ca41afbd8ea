// Order-free sums: gradients as integers in units of 2^-40 (see Documentation/Decisions).
#include <bit>
#include <cmath>
#include <string>

#include <ATen/ATen.h>

#include "CudaKernels.h"
#include "Device.h"
#include "FixedPoint.h"
#include "Support.h"

#pragma STDC FP_CONTRACT OFF

using ctorch::guarded;

namespace {

constexpr double unit = 0x1p40;
constexpr int64_t blockSize = 2048;
// Adding this to a double below 2^51 leaves its nearest integer (ties to even) in the low bits.
constexpr double roundingShift = 0x1.8p52;

bool allBelow(const float *values, int64_t count, float bound) {
  int outside = 0;
  for (int64_t i = 0; i < count; i++) outside |= !(std::fabs(values[i]) < bound);
  return outside == 0;
}

void addBlock(const float *gradient, int64_t *sums, int64_t count) {
  const int64_t shiftBits = std::bit_cast<int64_t>(roundingShift);
  for (int64_t i = 0; i < count; i++) {
    const double shifted = static_cast<double>(gradient[i]) * unit + roundingShift;
    sums[i] += std::bit_cast<int64_t>(shifted) - shiftBits;
  }
}

// The same sums for values too large for the shift: every float of at least 2^11 is a whole number
// of units, so that conversion is exact.
void addLargeBlock(const float *gradient, int64_t *sums, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    sums[i] += std::llrint(static_cast<double>(gradient[i]) * unit);
  }
}

}  // namespace

CTStatus ct_accumulate_fixed_point(
    CTTensor *gradient, CTTensor *accumulator, int64_t offset, int64_t limit, int mark) {
  return guarded([&] {
    const at::Tensor dense = gradient->value.contiguous();
    TORCH_CHECK(dense.scalar_type() == at::kFloat, "gradient is not float32");
    TORCH_CHECK(
        offset >= 0 && offset + dense.numel() <= accumulator->value.numel(),
        "gradient does not fit the accumulator");
    const int64_t count = dense.numel();
    const float bound = static_cast<float>(static_cast<double>(limit) / unit);
    if (dense.is_cuda()) {
      TORCH_CHECK(mark >= 0 && mark < ctorch::cuda::mostMarks, "no such mark");
      ctorch::cuda::addFixedPoint(dense, accumulator->value.narrow(0, offset, count), bound, mark);
      return;
    }
    const float *values = dense.const_data_ptr<float>();
    int64_t *sums = accumulator->value.data_ptr<int64_t>() + offset;
    if (!allBelow(values, count, bound)) {
      for (int64_t i = 0; i < count; i++) {
        if (std::fabs(values[i]) < bound) continue;
        throw ctorch::OutOfRange(
            "gradient element " + std::to_string(i) + " is " + std::to_string(values[i]) +
            "; exact sums need a magnitude below " + std::to_string(bound));
      }
    }
    for (int64_t start = 0; start < count; start += blockSize) {
      const int64_t length = std::min(blockSize, count - start);
      const bool isSmall = allBelow(values + start, length, 0x1p11f);
      (isSmall ? addBlock : addLargeBlock)(values + start, sums + start, length);
    }
  });
}

CTStatus ct_fixed_point_take_marks(int *marks, int capacity, int *count) {
  return guarded([&] {
    *count = 0;
    if (ctorch::device().is_cpu()) return;
    for (const int mark : ctorch::cuda::takeMarks()) {
      if (*count < capacity) marks[(*count)++] = mark;
    }
  });
}

CTStatus ct_fixed_point_squared_norm(CTTensor *accumulator, double factor, double *out) {
  return guarded([&] {
    if (accumulator->value.is_cuda()) {
      *out = ctorch::cuda::squaresOfSums(accumulator->value, factor / unit);
      return;
    }
    const int64_t *sums = accumulator->value.const_data_ptr<int64_t>();
    const int64_t count = accumulator->value.numel();
    const double scale = factor / unit;
    constexpr int lanes = 8;
    double partial[lanes] = {};
    for (int64_t i = 0; i + lanes <= count; i += lanes) {
      for (int lane = 0; lane < lanes; lane++) {
        const double value = static_cast<float>(static_cast<double>(sums[i + lane]) * scale);
        partial[lane] += value * value;
      }
    }
    for (int64_t i = count - count % lanes; i < count; i++) {
      const double value = static_cast<float>(static_cast<double>(sums[i]) * scale);
      partial[i % lanes] += value * value;
    }
    double total = 0;
    for (int lane = 0; lane < lanes; lane++) total += partial[lane];
    *out = total;
  });
}

void ctorch::meanOfSums(
    const at::Tensor &sums, const at::Tensor &out, double factor, double clip) {
  const int64_t count = sums.numel();
  TORCH_CHECK(out.numel() == count, "gradient and accumulator differ in size");
  const double scale = factor / unit;
  const float clipFactor = static_cast<float>(clip);
  if (sums.is_cuda()) {
    ctorch::cuda::meanOfSums(sums, out, scale, clipFactor);
    return;
  }
  const int64_t *addends = sums.const_data_ptr<int64_t>();
  float *values = out.data_ptr<float>();
  for (int64_t i = 0; i < count; i++) {
    values[i] = static_cast<float>(static_cast<double>(addends[i]) * scale) * clipFactor;
  }
}

CTStatus ct_fixed_point_to_float(CTTensor *accumulator, double factor, double clip, CTTensor *out) {
  return guarded([&] { ctorch::meanOfSums(accumulator->value, out->value, factor, clip); });
}
