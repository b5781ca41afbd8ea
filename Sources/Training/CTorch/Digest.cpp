// A fast digest of a tensor's bytes (Digest.h).
#include <algorithm>
#include <cstring>

#include "CudaKernels.h"
#include "Digest.h"
#include "Support.h"

using ctorch::guarded;

namespace {

// Odd constants (xxHash's primes): multiplying by them maps 64-bit words one to one.
constexpr uint64_t first = 0x9E3779B185EBCA87;
constexpr uint64_t second = 0xC2B2AE3D27D4EB4F;
constexpr int lanes = 8;
constexpr int64_t blockBytes = lanes * sizeof(uint64_t);

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

}  // namespace

void ctorch::RunningDigest::add(const void *bytes, int64_t count) {
  const auto *piece = static_cast<const uint8_t *>(bytes);
  for (int64_t start = 0; start < count; start += digestPieceBytes) {
    pieces.push_back(
        digestOfPiece(piece + start, std::min(digestPieceBytes, count - start), seed));
  }
}

uint64_t ctorch::RunningDigest::value() const {
  if (pieces.empty()) return digestOfPiece(nullptr, 0, seed);
  if (pieces.size() == 1) return pieces[0];
  RunningDigest next(seed);
  next.add(pieces.data(), static_cast<int64_t>(pieces.size() * sizeof(uint64_t)));
  return next.value();
}

uint64_t ctorch::mixedDigest(uint64_t digest, uint64_t other) { return mixed(digest, other); }

CTStatus ct_digest(CTTensor *tensor, uint64_t seed, uint64_t *out) {
  return guarded([&] {
    const at::Tensor &value = tensor->value;
    TORCH_CHECK(value.is_contiguous(), "digest of a tensor that is not flat");
    if (value.is_cuda()) {
      *out = ctorch::cuda::digest(value, ctorch::digestPieceBytes, seed);
      return;
    }
    ctorch::RunningDigest digest(seed);
    digest.add(value.const_data_ptr(), value.numel() * value.element_size());
    *out = digest.value();
  });
}
