#include "Graph.h"

#include "Dropout.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

using ctorch::Graph;
using ctorch::GraphNode;
using ctorch::GraphPatch;

Graph::Graph(int inputs, int constantBegin, int constantEnd)
    : inputs_(inputs), isConstant_(inputs, 0) {
  TORCH_CHECK(
      0 <= constantBegin && constantBegin <= constantEnd && constantEnd <= inputs,
      "constants ", constantBegin, " to ", constantEnd, " of ", inputs, " inputs");
  for (int i = constantBegin; i < constantEnd; i++) isConstant_[i] = 1;
  for (int i = 0; i < inputs; i++) roots_.push_back({i});
}

void Graph::checkSlot(int slot) const {
  const int end = inputs_ + static_cast<int>(nodes_.size()) - (isFinished_ ? 0 : 1);
  TORCH_CHECK(0 <= slot && slot < end, "slot ", slot, " is not known before node ", nodes_.size() - 1);
}

void Graph::addOperator(
    const std::string &name, const std::string &overload, bool grad, bool autocast) {
  closeNode();
  TORCH_CHECK(!isFinished_, "the graph is finished");
  GraphNode node;
  node.op = c10::Dispatcher::singleton().findSchema({name, overload});
  TORCH_CHECK(
      node.op, "this libtorch has no operator ", name, overload.empty() ? "" : ".", overload);
  const auto &schema = node.op->schema();
  TORCH_CHECK(!schema.is_vararg(), name, " takes any number of arguments");
  for (const auto &argument : schema.arguments()) {
    TORCH_CHECK(!argument.is_out(), name, " writes its result into ", argument.name());
  }
  node.returns = static_cast<int>(schema.returns().size());
  node.grad = grad;
  node.autocast = autocast;
  node.arguments.resize(schema.arguments().size());
  given_.assign(schema.arguments().size(), 0);
  nodes_.push_back(std::move(node));
}

void Graph::addResult(int slot, int index) {
  closeNode();
  TORCH_CHECK(!isFinished_, "the graph is finished");
  GraphNode node;
  node.result = index;
  node.patches.push_back({0, GraphPatch::value, {slot}});
  nodes_.push_back(std::move(node));
  given_.clear();
  try {
    checkSlot(slot);
  } catch (...) {
    nodes_.pop_back();
    throw;
  }
}

int Graph::argumentIndex(const char *keyword) const {
  TORCH_CHECK(!nodes_.empty() && nodes_.back().op, "an argument without an operator");
  const auto &schema = nodes_.back().op->schema();
  if (keyword != nullptr) {
    const auto index = schema.argumentIndexWithName(keyword);
    TORCH_CHECK(index, schema.name(), " has no argument ", keyword);
    TORCH_CHECK(!given_[*index], schema.name(), " has argument ", keyword, " twice");
    return *index;
  }
  for (size_t i = 0; i < given_.size(); i++) {
    if (!given_[i]) return static_cast<int>(i);
  }
  TORCH_CHECK(false, schema.name(), " takes ", given_.size(), " arguments");
}

const c10::Argument &Graph::argument(const char *keyword) const {
  const int index = argumentIndex(keyword);
  return nodes_.back().op->schema().arguments()[index];
}

void Graph::addConstant(const char *keyword, c10::IValue value) {
  const int index = argumentIndex(keyword);
  nodes_.back().arguments[index] = std::move(value);
  given_[index] = 1;
}

void Graph::addPatch(const char *keyword, GraphPatch::Kind kind, std::vector<int> slots) {
  const int index = argumentIndex(keyword);
  for (int slot : slots) {
    if (slot != -1 || kind != GraphPatch::optionalTensors) checkSlot(slot);
  }
  nodes_.back().patches.push_back({index, kind, std::move(slots)});
  given_[index] = 1;
}

/// Fills in what the schema says of arguments that were left out, and finds out whether the result is
/// the same in every run.
void Graph::closeNode() {
  if (nodes_.empty() || isConstant_.size() == inputs_ + nodes_.size()) return;
  auto &node = nodes_.back();
  bool isConstant = node.op.has_value() && node.returns == 1;
  if (node.op) {
    const auto &schema = node.op->schema();
    for (size_t i = 0; i < given_.size(); i++) {
      if (given_[i]) continue;
      const auto &argument = schema.arguments()[i];
      TORCH_CHECK(argument.default_value(), schema.name(), " lacks ", argument.name());
      node.arguments[i] = *argument.default_value();
    }
    isConstant &= !schema.is_mutable() && !node.op->hasTag(at::Tag::nondeterministic_seeded);
  }
  for (const auto &patch : node.patches) {
    for (int slot : patch.slots) isConstant &= slot < 0 || isConstant_[slot] != 0;
  }
  node.isConstant = isConstant;
  isConstant_.push_back(isConstant);
  noteRoots(node);
}

namespace {

/// Operators whose result may be what they are given, though their schemas do not say so.
bool mayReturnInput(const std::string &name) {
  static const std::set<std::string> names = {
      "aten::dropout", "aten::type_as", "aten::broadcast_tensors", "aten::meshgrid",
      "aten::atleast_1d", "aten::pad", "aten::repeat_interleave", "aten::float"};
  return names.count(name) != 0;
}

}  // namespace

/// Follows which inputs a value may share storage with, and refuses to write over one: the same tensors
/// are there for other passes, and for other layers of the process.
void Graph::noteRoots(GraphNode &node) {
  std::set<int> roots;
  for (const auto &patch : node.patches) {
    std::set<int> shared;
    for (int slot : patch.slots) {
      if (slot >= 0) shared.insert(roots_[slot].begin(), roots_[slot].end());
    }
    if (!node.op) {
      roots = shared;
      continue;
    }
    const auto &schema = node.op->schema();
    const auto *alias = schema.arguments()[patch.argument].alias_info();
    TORCH_CHECK(
        alias == nullptr || !alias->isWrite() || shared.empty(), schema.name(),
        " writes over input ", shared.empty() ? -1 : *shared.begin());
    if (alias != nullptr || mayReturnInput(schema.name())) {
      roots.insert(shared.begin(), shared.end());
    }
  }
  if (node.op) {
    const auto &schema = node.op->schema();
    // They change their statistics arguments although their schemas do not say so.
    for (const char *flag : {"training", "use_input_stats"}) {
      const auto statistics = schema.argumentIndexWithName("running_mean");
      const auto index = schema.argumentIndexWithName(flag);
      if (!statistics || !index) continue;
      const auto &value = node.arguments[*index];
      bool isGiven = false;
      for (const auto &patch : node.patches) isGiven |= patch.argument == *statistics;
      const bool isChanging = isGiven && !(value.isBool() && !value.toBool());
      // The engine updates the running statistics, so the norm is called without them.
      node.isBatchNorm |= isChanging && schema.name() == "aten::batch_norm" && value.isBool();
      TORCH_CHECK(
          !isChanging || node.isBatchNorm, schema.name(),
          " changes the statistics that it is given");
    }
  }
  roots_.push_back(std::move(roots));
}

void Graph::finish(std::vector<int> slots) {
  closeNode();
  isFinished_ = true;
  for (int slot : slots) checkSlot(slot);
  outputs_ = std::move(slots);
  bool isMutable = false;
  for (const auto &node : nodes_) isMutable |= node.op && node.op->schema().is_mutable();
  if (isMutable) {
    // What is written in place may be an alias of what was to be kept.
    for (auto &node : nodes_) node.isConstant = false;
  }
  kept_.resize(nodes_.size());
  std::vector<int> last(inputs_ + nodes_.size(), -1);
  for (size_t i = 0; i < nodes_.size(); i++) {
    for (const auto &patch : nodes_[i].patches) {
      for (int slot : patch.slots) {
        if (slot >= 0) last[slot] = static_cast<int>(i);
      }
    }
  }
  for (int slot : outputs_) last[slot] = -1;
  for (size_t slot = 0; slot < last.size(); slot++) {
    if (last[slot] >= 0) nodes_[last[slot]].freed.push_back(static_cast<int>(slot));
  }
}

namespace {

c10::IValue patched(const GraphPatch &patch, const std::vector<c10::IValue> &slots) {
  switch (patch.kind) {
    case GraphPatch::value: return slots[patch.slots[0]];
    case GraphPatch::tensors: {
      c10::List<at::Tensor> list;
      for (int slot : patch.slots) list.push_back(slots[slot].toTensor());
      return list;
    }
    case GraphPatch::optionalTensors: {
      c10::List<std::optional<at::Tensor>> list;
      for (int slot : patch.slots) {
        list.push_back(
            slot < 0 ? std::nullopt : std::optional<at::Tensor>(slots[slot].toTensor()));
      }
      return list;
    }
  }
  TORCH_CHECK(false, "unknown argument");
}

c10::IValue taken(const c10::IValue &from, int index) {
  const auto check = [&](size_t count) {
    TORCH_CHECK(0 <= index && static_cast<size_t>(index) < count, "no result ", index, " of ", count);
  };
  if (from.isTuple()) {
    check(from.toTupleRef().elements().size());
    return from.toTupleRef().elements()[index];
  }
  TORCH_CHECK(from.isTensorList(), "a result is taken of what has one only");
  check(from.toTensorList().size());
  return from.toTensorList().get(index);
}

}  // namespace

namespace {

/// A batch norm takes the statistics of its batch in training, and the running ones in evaluation.
void chooseStatistics(const c10::FunctionSchema &schema, torch::jit::Stack &stack) {
  if (!ctorch::isTraining()) {
    stack[*schema.argumentIndexWithName("training")] = false;
    return;
  }
  stack[*schema.argumentIndexWithName("running_mean")] = c10::IValue();
  stack[*schema.argumentIndexWithName("running_var")] = c10::IValue();
}

}  // namespace

void Graph::call(
    const GraphNode &node, std::vector<c10::IValue> &slots, c10::IValue &result) const {
  torch::jit::Stack stack(node.arguments.begin(), node.arguments.end());
  for (const auto &patch : node.patches) stack[patch.argument] = patched(patch, slots);
  if (node.isBatchNorm) chooseStatistics(node.op->schema(), stack);
  {
    at::AutoGradMode mode(node.grad && !node.isConstant && at::GradMode::is_enabled());
    std::optional<c10::impl::ExcludeDispatchKeyGuard> plain;
    if (!node.autocast) plain.emplace(c10::autocast_dispatch_keyset);
    node.op->callBoxed(stack);
  }
  if (node.returns == 1) {
    result = std::move(stack[0]);
  } else if (node.returns > 1) {
    result = c10::ivalue::Tuple::create(std::vector<c10::IValue>(stack.begin(), stack.end()));
  }
}

std::vector<at::Tensor> Graph::run(const std::vector<at::Tensor> &given) {
  TORCH_CHECK(isFinished_, "the graph is not finished");
  TORCH_CHECK(
      static_cast<int>(given.size()) == inputs_, given.size(), " inputs for a graph of ", inputs_);
  std::vector<c10::IValue> slots(inputs_ + nodes_.size());
  for (int i = 0; i < inputs_; i++) slots[i] = given[i];
  for (size_t i = 0; i < nodes_.size(); i++) {
    const auto &node = nodes_[i];
    auto &result = slots[inputs_ + i];
    if (!node.op) {
      result = taken(slots[node.patches[0].slots[0]], node.result);
    } else if (node.isConstant && !kept_[i].isNone()) {
      result = kept_[i];
    } else {
      call(node, slots, result);
      if (node.isConstant) kept_[i] = result;
    }
    for (int slot : node.freed) slots[slot] = c10::IValue();
  }
  std::vector<at::Tensor> out;
  for (int slot : outputs_) {
    TORCH_CHECK(slots[slot].isTensor(), "slot ", slot, " is no tensor");
    out.push_back(slots[slot].toTensor());
  }
  return out;
}
