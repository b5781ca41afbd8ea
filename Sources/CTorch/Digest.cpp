// A fast digest of a tensor's bytes, to find copies that differ by accident. That of a large tensor is
// the digest of its pieces' digests, so that many threads can compute it.
#include <algorithm>
#include <cstring>
#include <vector>

#include "CudaKernels.h"
#include "Support.h"

using ctorch::guarded;

namespace {

// Odd constants (xxHash's primes): multiplying by them maps 64-bit words one to one.
constexpr uint64_t first = 0x9E3779B185EBCA87;
constexpr uint64_t second = 0xC2B2AE3D27D4EB4F;
constexpr int lanes = 8;
constexpr int64_t blockBytes = lanes * sizeof(uint64_t);
constexpr int64_t pieceBytes = 1 << 14;

uint64_t mixed(uint64_t value, uint64_t word) {
  const uint64_t product = (value ^ word) * first;
  return (product << 29) | (product >> 35);
}

// Every step is one to one in the digest so far and in the word, so that a change of one word
// always shows; that of several is missed with a probability of about 2^-64.
uint64_t digestOfPiece(const uint8_t *bytes, int64_t count, uint64_t seed) {
  uint64_t state[lanes];
  for (int lane = 0; lane < lanes; lane++) state[lane] = seed + second * (lane + 1);
  int64_t start = 0;
  for (; start + blockBytes <= count; start += blockBytes) {
    uint64_t words[lanes];
    std::memcpy(words, bytes + start, blockBytes);
    for (int lane = 0; lane < lanes; lane++) state[lane] = mixed(state[lane], words[lane]);
  }
  for (int lane = 0; start < count; start += sizeof(uint64_t), lane++) {
    uint64_t word = 0;
    const auto left = static_cast<size_t>(count - start);
    std::memcpy(&word, bytes + start, std::min(left, sizeof word));
    state[lane] = mixed(state[lane], word);
  }
  uint64_t total = mixed(seed, static_cast<uint64_t>(count));
  for (int lane = 0; lane < lanes; lane++) total = mixed(total, state[lane]);
  total ^= total >> 32;
  total *= second;
  return total ^ (total >> 29);
}

uint64_t digest(const uint8_t *bytes, int64_t count, uint64_t seed) {
  std::vector<uint64_t> digests;
  while (count > pieceBytes) {
    std::vector<uint64_t> next;
    next.reserve(static_cast<size_t>((count + pieceBytes - 1) / pieceBytes));
    for (int64_t start = 0; start < count; start += pieceBytes) {
      next.push_back(digestOfPiece(bytes + start, std::min(pieceBytes, count - start), seed));
    }
    digests = std::move(next);
    bytes = reinterpret_cast<const uint8_t *>(digests.data());
    count = static_cast<int64_t>(digests.size() * sizeof(uint64_t));
  }
  return digestOfPiece(bytes, count, seed);
}

}  // namespace

CTStatus ct_digest(CTTensor *tensor, uint64_t seed, uint64_t *out) {
  return guarded([&] {
    const at::Tensor &value = tensor->value;
    TORCH_CHECK(value.is_contiguous(), "digest of a tensor that is not flat");
    if (value.is_cuda()) {
      *out = ctorch::cuda::digest(value, pieceBytes, seed);
      return;
    }
    const auto *bytes = static_cast<const uint8_t *>(value.const_data_ptr());
    *out = digest(bytes, value.numel() * value.element_size(), seed);
  });
}
