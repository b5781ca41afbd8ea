#pragma once
// A fast digest of bytes, to find copies that differ by accident. That of many bytes is the digest of
// their pieces' digests, so that they can be digested where they are, or while something else reads them.
#include <cstdint>
#include <vector>

namespace ctorch {

/// Bytes of a piece.
constexpr int64_t digestPieceBytes = 1 << 14;

/// The digest of bytes that come in order, as the digest of all at once.
class RunningDigest {
 public:
  explicit RunningDigest(uint64_t seed) : seed(seed) {}
  /// Adds bytes; all but the last to come are whole pieces.
  void add(const void *bytes, int64_t count);
  /// The digest of all that was added.
  uint64_t value() const;

 private:
  uint64_t seed;
  std::vector<uint64_t> pieces;
};

/// Takes another digest into one; one to one in both.
uint64_t mixedDigest(uint64_t digest, uint64_t other);

}  // namespace ctorch
