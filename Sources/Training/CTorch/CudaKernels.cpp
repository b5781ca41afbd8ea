#include "CudaKernels.h"

#include <ATen/ATen.h>

#include "Device.h"

const char *const ctorch::cuda::kernelNames[] = {
    "add_fixed_point", "mean_of_sums", "squares_of_sums", "digest_pieces", "mask_elements"};

// Compiled without fused multiply-adds: every product and every sum is rounded, as on the CPU.
const char *const ctorch::cuda::kernelSource = R"cuda(
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

#define EACH(i, n) \
  for (i64 i = blockIdx.x * (i64)blockDim.x + threadIdx.x; i < (n); i += (i64)gridDim.x * blockDim.x)

extern "C" __global__ void add_fixed_point(
    const float *gradient, i64 *sums, i64 n, float bound, int *outside) {
  EACH(i, n) {
    const float value = gradient[i];
    if (fabsf(value) < bound) {
      sums[i] += __double2ll_rn((double)value * 1099511627776.0);
    } else {
      *outside = 1;
    }
  }
}

extern "C" __global__ void mean_of_sums(
    const i64 *sums, float *out, i64 n, double scale, float clip) {
  EACH(i, n) out[i] = (float)((double)sums[i] * scale) * clip;
}

// Eight neighbouring threads share a piece: each sums every eighth element, and the first adds the
// sums.
extern "C" __global__ void squares_of_sums(
    const i64 *sums, double *out, i64 n, i64 piece, double scale) {
  const i64 pieces = (n + piece - 1) / piece;
  EACH(thread, pieces * 8) {
    const i64 index = thread / 8, start = index * piece;
    const i64 end = start + piece < n ? start + piece : n;
    double partial = 0;
    for (i64 i = start + thread % 8; i < end; i += 8) {
      const double value = (float)((double)sums[i] * scale);
      partial += value * value;
    }
    double total = 0;
    for (int lane = 0; lane < 8; lane++) {
      total += __shfl_sync(0xffu << (threadIdx.x & 24), partial, lane, 8);
    }
    if (thread % 8 == 0) out[index] = total;
  }
}

#define FIRST 0x9E3779B185EBCA87ull
#define SECOND 0xC2B2AE3D27D4EB4Full

__device__ u64 mixed(u64 value, u64 word) {
  const u64 product = (value ^ word) * FIRST;
  return (product << 29) | (product >> 35);
}

extern "C" __global__ void digest_pieces(
    const unsigned char *bytes, i64 count, i64 piece, u64 seed, u64 *out) {
  const i64 pieces = (count + piece - 1) / piece;
  EACH(thread, pieces * 8) {
    const i64 index = thread / 8, start = index * piece;
    const i64 length = start + piece < count ? piece : count - start;
    u64 state = seed + SECOND * (thread % 8 + 1);
    for (i64 at = thread % 8 * 8; at < length; at += 64) {
      u64 word = 0;
      if (length - at >= 8) {
        word = *(const u64 *)(bytes + start + at);
      } else {
        for (i64 b = at; b < length; b++) word |= (u64)bytes[start + b] << (8 * (b - at));
      }
      state = mixed(state, word);
    }
    u64 total = mixed(seed, (u64)length);
    for (int lane = 0; lane < 8; lane++) {
      total = mixed(total, __shfl_sync(0xffu << (threadIdx.x & 24), state, lane, 8));
    }
    total ^= total >> 32;
    total *= SECOND;
    if (thread % 8 == 0) out[index] = total ^ (total >> 29);
  }
}

extern "C" __global__ void mask_elements(
    const float *input, float *output, i64 n, u32 low, u32 high, u32 threshold, float scale) {
  EACH(i, n) {
    u32 hash = ((u32)i + low) * 0x9E3779B1u;
    hash = (hash ^ (hash >> 15)) * 0x85EBCA6Bu;
    hash = (hash ^ (hash >> 13) ^ high) * 0xC2B2AE35u;
    hash ^= hash >> 16;
    output[i] = hash >= threshold ? input[i] * scale : 0.0f;
  }
}
)cuda";

namespace {

/// One at the mark of each sum that an element out of range was to be added to.
at::Tensor &marks() {
  static at::Tensor marks = at::zeros(
      {ctorch::cuda::mostMarks}, at::TensorOptions().dtype(at::kInt).device(ctorch::device()));
  return marks;
}

}  // namespace

void ctorch::cuda::addFixedPoint(
    const at::Tensor &gradient, const at::Tensor &sums, float bound, int mark) {
  const float *values = gradient.const_data_ptr<float>();
  int64_t *target = sums.data_ptr<int64_t>();
  int64_t count = gradient.numel();
  int *outside = marks().data_ptr<int>() + mark;
  launch(Kernel::addFixedPoint, count, {&values, &target, &count, &bound, &outside});
}

std::vector<int> ctorch::cuda::takeMarks() {
  const at::Tensor known = marks().to(at::kCPU);
  const int *flags = known.const_data_ptr<int>();
  std::vector<int> found;
  for (int mark = 0; mark < mostMarks; mark++) {
    if (flags[mark] != 0) found.push_back(mark);
  }
  if (!found.empty()) marks().zero_();
  return found;
}

void ctorch::cuda::meanOfSums(
    const at::Tensor &sums, const at::Tensor &out, double scale, float clip) {
  const int64_t *source = sums.const_data_ptr<int64_t>();
  float *target = out.data_ptr<float>();
  int64_t count = sums.numel();
  launch(Kernel::meanOfSums, count, {&source, &target, &count, &scale, &clip});
}

double ctorch::cuda::squaresOfSums(const at::Tensor &sums, double scale) {
  int64_t count = sums.numel(), piece = normPiece;
  const int64_t pieces = (count + piece - 1) / piece;
  const at::Tensor squares = at::empty({pieces}, sums.options().dtype(at::kDouble));
  const int64_t *source = sums.const_data_ptr<int64_t>();
  double *target = squares.data_ptr<double>();
  launch(Kernel::squaresOfSums, pieces * 8, {&source, &target, &count, &piece, &scale});
  const at::Tensor host = onHost(squares);
  double total = 0;
  for (int64_t i = 0; i < pieces; i++) total += host.const_data_ptr<double>()[i];
  return total;
}

uint64_t ctorch::cuda::digest(const at::Tensor &tensor, int64_t piece, uint64_t seed) {
  at::Tensor current = tensor;
  while (true) {
    const void *bytes = current.const_data_ptr();
    TORCH_CHECK(reinterpret_cast<uintptr_t>(bytes) % 8 == 0, "a tensor that starts off a word");
    int64_t count = current.numel() * static_cast<int64_t>(current.element_size());
    const int64_t pieces = std::max<int64_t>(1, (count + piece - 1) / piece);
    const at::Tensor digests = at::empty({pieces}, tensor.options().dtype(at::kLong));
    int64_t *out = digests.data_ptr<int64_t>();
    launch(Kernel::digestPieces, pieces * 8, {&bytes, &count, &piece, &seed, &out});
    if (pieces == 1) return static_cast<uint64_t>(digests.item<int64_t>());
    current = digests;
  }
}

void ctorch::cuda::maskElements(
    const at::Tensor &input, const at::Tensor &output, uint64_t key, uint32_t threshold,
    float scale) {
  const float *source = input.const_data_ptr<float>();
  float *target = output.data_ptr<float>();
  int64_t count = input.numel();
  uint32_t low = static_cast<uint32_t>(key), high = static_cast<uint32_t>(key >> 32);
  launch(
      Kernel::maskElements, count,
      {&source, &target, &count, &low, &high, &threshold, &scale});
}
