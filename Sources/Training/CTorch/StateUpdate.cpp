// The optimizer's update of one segment's state, block by block: while a block is in the processor's
// cache its state is digested, updated and digested again, and its sums become zero.
#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>

#include "CudaKernels.h"
#include "Digest.h"
#include "FixedPoint.h"
#include "Support.h"

using ctorch::guarded;

namespace {

// State, sums and gradient of a block take 24 bytes an element: less than a core's second cache.
constexpr int64_t blockElements = 1 << 15;
static_assert(blockElements * sizeof(float) % ctorch::digestPieceBytes == 0);

struct State {
  at::Tensor buffers[3];

  explicit State(const CTState &state)
      : buffers{
            state.parameters->value, state.first_moment->value, state.second_moment->value} {
    for (const at::Tensor &buffer : buffers) {
      TORCH_CHECK(buffer.scalar_type() == at::kFloat, "state is not float32");
      TORCH_CHECK(buffer.is_contiguous() && buffer.dim() == 1, "state is not flat");
      TORCH_CHECK(buffer.numel() == count(), "buffers of one state differ in size");
    }
  }
  int64_t count() const { return buffers[0].numel(); }
  bool isOnDevice() const { return buffers[0].is_cuda(); }
};

/// The digests of a state's buffers, and what they come to together.
class StateDigest {
 public:
  explicit StateDigest(uint64_t seed)
      : seed(seed), buffers{
                        ctorch::RunningDigest(seed), ctorch::RunningDigest(seed + 1),
                        ctorch::RunningDigest(seed + 2)} {}
  void add(const State &state, int64_t start, int64_t count) {
    for (int index = 0; index < 3; index++) {
      buffers[index].add(
          state.buffers[index].const_data_ptr<float>() + start,
          count * static_cast<int64_t>(sizeof(float)));
    }
  }
  uint64_t value() const {
    uint64_t total = seed;
    for (const auto &buffer : buffers) total = ctorch::mixedDigest(total, buffer.value());
    return total;
  }

 private:
  uint64_t seed;
  ctorch::RunningDigest buffers[3];
};

uint64_t digestOnDevice(const State &state, uint64_t seed) {
  uint64_t total = seed;
  for (int index = 0; index < 3; index++) {
    total = ctorch::mixedDigest(
        total,
        ctorch::cuda::digest(state.buffers[index], ctorch::digestPieceBytes, seed + index));
  }
  return total;
}

/// The optimizer on the elements from `start`, those below `decayEnd` with weight decay.
class Update {
 public:
  Update(const State &state, const CTUpdateRule &rule, int64_t decayEnd)
      : state(state), rule(rule), decayEnd(decayEnd),
        step(at::full({}, static_cast<double>(rule.step), state.buffers[0].options())) {}

  void apply(const at::Tensor &gradient, int64_t start) const {
    const int64_t end = start + gradient.numel();
    const int64_t middle = std::clamp(decayEnd, start, end);
    applyPart(gradient, start, start, middle, rule.weight_decay);
    applyPart(gradient, start, middle, end, 0);
  }

 private:
  void applyPart(
      const at::Tensor &gradient, int64_t start, int64_t first, int64_t end, double decay) const {
    if (first == end) return;
    const auto part = [&](int index) {
      return state.buffers[index].narrow(0, first, end - first);
    };
    const auto slope = gradient.narrow(0, first - start, end - first);
    if (rule.kind == CT_ADAMW) {
      at::_fused_adamw_(
          {part(0)}, {slope}, {part(1)}, {part(2)}, {}, {step}, rule.learning_rate, rule.beta1,
          rule.beta2, decay, rule.epsilon, /*amsgrad=*/false, /*maximize=*/false);
      return;
    }
    // Momentum of zeros is what the first step begins with.
    std::vector<at::Tensor> momentum;
    if (rule.momentum != 0) momentum.push_back(part(1));
    at::_fused_sgd_(
        {part(0)}, {slope}, momentum, decay, rule.momentum, rule.learning_rate, /*dampening=*/0,
        rule.nesterov, /*maximize=*/false, /*is_first_step=*/false);
  }

  const State &state;
  const CTUpdateRule &rule;
  int64_t decayEnd;
  at::Tensor step;
};

}  // namespace

CTStatus ct_state_digest(const CTState *state, uint64_t seed, uint64_t *out) {
  return guarded([&] {
    const State whole(*state);
    if (whole.isOnDevice()) {
      *out = digestOnDevice(whole, seed);
      return;
    }
    StateDigest digest(seed);
    digest.add(whole, 0, whole.count());
    *out = digest.value();
  });
}

CTStatus ct_state_update(
    const CTState *state, CTTensor *sums, double factor, double clip, const CTUpdateRule *rule,
    int64_t decay_end, uint64_t seed, uint64_t *before, uint64_t *after) {
  return guarded([&] {
    at::NoGradGuard noGrad;
    const State whole(*state);
    at::Tensor &addends = sums->value;
    TORCH_CHECK(addends.numel() == whole.count(), "state and sums differ in size");
    const Update update(whole, *rule, decay_end);
    if (whole.isOnDevice()) {
      *before = digestOnDevice(whole, seed);
      const at::Tensor gradient = at::empty_like(whole.buffers[0]);
      ctorch::meanOfSums(addends, gradient, factor, clip);
      update.apply(gradient, 0);
      addends.zero_();
      *after = digestOnDevice(whole, seed);
      return;
    }
    StateDigest old(seed), fresh(seed);
    const int64_t size = std::min(blockElements, whole.count());
    const at::Tensor scratch = at::empty({size}, whole.buffers[0].options());
    for (int64_t start = 0; start < whole.count(); start += blockElements) {
      const int64_t count = std::min(blockElements, whole.count() - start);
      const at::Tensor gradient = scratch.narrow(0, 0, count);
      at::Tensor part = addends.narrow(0, start, count);
      old.add(whole, start, count);
      ctorch::meanOfSums(part, gradient, factor, clip);
      update.apply(gradient, start);
      part.zero_();
      fresh.add(whole, start, count);
    }
    *before = old.value();
    *after = fresh.value();
  });
}
