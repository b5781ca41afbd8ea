// A list of ATen operators that are called through the dispatcher, so that gradients, and kernels of
// the device, apply as they do in eager PyTorch.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>

namespace ctorch {

/// Values that an argument takes from slots when the graph runs.
struct GraphPatch {
  enum Kind { value, tensors, optionalTensors };
  int argument;
  Kind kind;
  std::vector<int> slots;
};

struct GraphNode {
  /// None: takes a result of another node.
  std::optional<c10::OperatorHandle> op;
  std::vector<c10::IValue> arguments;
  std::vector<GraphPatch> patches;
  /// Slots that nothing needs after this node.
  std::vector<int> freed;
  int result = 0;
  int returns = 1;
  bool grad = true;
  /// Whether autocast applies to it, where it is on.
  bool autocast = true;
  /// Whether the result is the same in every run.
  bool isConstant = false;
  /// Whether it norms by its batch in training, and by the statistics that it is given otherwise.
  bool isBatchNorm = false;
};

class Graph {
 public:
  Graph(int inputs, int constantBegin, int constantEnd);

  void addOperator(
      const std::string &name, const std::string &overload, bool grad, bool autocast);
  void addResult(int slot, int index);
  /// What the schema says of the next argument, which `keyword` may name.
  const c10::Argument &argument(const char *keyword) const;
  void addConstant(const char *keyword, c10::IValue value);
  void addPatch(const char *keyword, GraphPatch::Kind kind, std::vector<int> slots);
  void finish(std::vector<int> slots);
  std::vector<at::Tensor> run(const std::vector<at::Tensor> &given);

 private:
  void closeNode();
  void noteRoots(GraphNode &node);
  void checkSlot(int slot) const;
  int argumentIndex(const char *keyword) const;
  void call(const GraphNode &node, std::vector<c10::IValue> &slots, c10::IValue &result) const;

  int inputs_;
  std::vector<char> isConstant_;
  /// Inputs whose storage the value of a slot may share.
  std::vector<std::set<int>> roots_;
  std::vector<GraphNode> nodes_;
  /// Which arguments of the last node are given.
  std::vector<char> given_;
  std::vector<int> outputs_;
  std::vector<c10::IValue> kept_;
  bool isFinished_ = false;
};

}  // namespace ctorch
