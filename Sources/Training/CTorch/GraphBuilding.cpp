// The C face of Graph: builds one argument by argument, and runs it.
#include <cmath>
#include <map>

#include <ATen/ATen.h>
#include <ATen/ScalarOps.h>

#include "Device.h"
#include "Graph.h"
#include "Support.h"

using ctorch::GraphPatch;
using ctorch::guarded;
using ctorch::wrap;

struct CTGraph {
  ctorch::Graph graph;
};

namespace {

/// The type below an optional.
c10::TypePtr plain(c10::TypePtr type) {
  const auto optional = type->cast<c10::OptionalType>();
  return optional ? optional->getElementType() : type;
}

bool isTensor(const c10::TypePtr &type) { return type->kind() == c10::TypeKind::TensorType; }

/// A number where a tensor is asked for, as in `tensor + 1`: its type does not count in promotion.
at::Tensor wrappedNumber(const at::Scalar &value) {
  auto tensor = at::scalar_to_tensor(value);
  tensor.unsafeGetTensorImpl()->set_wrapped_number(true);
  return tensor;
}

/// Whether an argument is a property of tensors, which the type that libtorch stores it as does not say.
bool isProperty(const c10::Argument &argument) {
  switch (plain(argument.real_type())->kind()) {
    case c10::TypeKind::ScalarTypeType:
    case c10::TypeKind::LayoutType:
    case c10::TypeKind::MemoryFormatType:
    case c10::TypeKind::DeviceObjType: return true;
    default: return false;
  }
}

/// The type of the next argument, which a number, a truth value, a text or a list is for.
c10::TypePtr plainType(CTGraph *graph, const char *keyword) {
  const auto &argument = graph->graph.argument(keyword);
  TORCH_CHECK(!isProperty(argument), argument.name(), " is a property, and given as something else");
  return plain(argument.type());
}

int64_t whole(int64_t value) { return value; }
int64_t whole(bool value) { return value; }
int64_t whole(double value) {
  TORCH_CHECK(
      value == std::floor(value) && std::abs(value) < 0x1p62, value, " where a whole number is asked for");
  return static_cast<int64_t>(value);
}

/// A list of the kind that `type` asks for.
template <class Value>
c10::IValue list(const c10::TypePtr &type, const Value *values, int count) {
  const auto listType = type->cast<c10::ListType>();
  TORCH_CHECK(listType, "a list where ", type->str(), " is asked for");
  switch (listType->getElementType()->kind()) {
    case c10::TypeKind::FloatType: {
      c10::List<double> result;
      for (int i = 0; i < count; i++) result.push_back(static_cast<double>(values[i]));
      return result;
    }
    case c10::TypeKind::BoolType: {
      c10::List<bool> result;
      for (int i = 0; i < count; i++) result.push_back(static_cast<bool>(values[i]));
      return result;
    }
    case c10::TypeKind::TensorType:
      TORCH_CHECK(count == 0, "numbers in a list of tensors");
      return c10::List<at::Tensor>();
    default: {
      c10::List<int64_t> result;
      for (int i = 0; i < count; i++) result.push_back(whole(values[i]));
      return result;
    }
  }
}

template <class Value>
CTStatus addList(CTGraph *graph, const char *keyword, const Value *values, int count) {
  return guarded([&] {
    const auto type = plainType(graph, keyword);
    graph->graph.addConstant(keyword, list(type, values, count));
  });
}

/// A plain number or truth value, in the form that the argument asks for.
template <class Value>
c10::IValue scalar(const c10::TypePtr &type, Value value) {
  if (isTensor(type)) return wrappedNumber(value);
  if (type->kind() == c10::TypeKind::FloatType) return static_cast<double>(value);
  if (type->kind() == c10::TypeKind::ListType) return list(type, &value, 1);
  return value;
}

template <class Value>
CTStatus addScalar(CTGraph *graph, const char *keyword, Value value) {
  return guarded([&] {
    const auto type = plainType(graph, keyword);
    graph->graph.addConstant(keyword, scalar(type, value));
  });
}

template <class Value>
Value named(const std::map<std::string, Value> &known, const std::string &name, const char *what) {
  const auto found = known.find(name);
  TORCH_CHECK(found != known.end(), "unknown ", what, " ", name);
  return found->second;
}

c10::IValue property(const std::string &kind, const std::string &name) {
  static const std::map<std::string, at::ScalarType> types = {
      {"float32", at::kFloat}, {"float64", at::kDouble}, {"bfloat16", at::kBFloat16},
      {"float16", at::kHalf},  {"int64", at::kLong},     {"int32", at::kInt},
      {"int16", at::kShort},   {"int8", at::kChar},      {"uint8", at::kByte},
      {"bool", at::kBool}};
  static const std::map<std::string, at::Layout> layouts = {{"strided", at::kStrided}};
  static const std::map<std::string, at::MemoryFormat> formats = {
      {"contiguous_format", at::MemoryFormat::Contiguous},
      {"preserve_format", at::MemoryFormat::Preserve},
      {"channels_last", at::MemoryFormat::ChannelsLast}};
  if (kind == "dtype") return static_cast<int64_t>(named(types, name, "element type"));
  // The file names the exporter's device; this process has its own.
  if (kind == "device") return ctorch::device();
  if (kind == "layout") return static_cast<int64_t>(named(layouts, name, "layout"));
  TORCH_CHECK(kind == "memory_format", "unknown property ", kind);
  return static_cast<int64_t>(named(formats, name, "memory format"));
}

}  // namespace

CTStatus ct_graph_new(int inputs, int constant_begin, int constant_end, CTGraph **out) {
  return guarded(
      [&] { *out = new CTGraph{ctorch::Graph(inputs, constant_begin, constant_end)}; });
}

void ct_graph_free(CTGraph *graph) { delete graph; }

CTStatus ct_graph_operator(
    CTGraph *graph, const char *name, const char *overload, bool grad, bool autocast) {
  return guarded([&] { graph->graph.addOperator(name, overload, grad, autocast); });
}

CTStatus ct_graph_result(CTGraph *graph, int slot, int index) {
  return guarded([&] { graph->graph.addResult(slot, index); });
}

CTStatus ct_graph_slot(CTGraph *graph, const char *keyword, int slot) {
  return guarded([&] { graph->graph.addPatch(keyword, GraphPatch::value, {slot}); });
}

CTStatus ct_graph_none(CTGraph *graph, const char *keyword) {
  return guarded([&] { graph->graph.addConstant(keyword, {}); });
}

CTStatus ct_graph_boolean(CTGraph *graph, const char *keyword, bool value) {
  return addScalar(graph, keyword, value);
}

CTStatus ct_graph_integer(CTGraph *graph, const char *keyword, int64_t value) {
  return addScalar(graph, keyword, value);
}

CTStatus ct_graph_number(CTGraph *graph, const char *keyword, double value) {
  return addScalar(graph, keyword, value);
}

CTStatus ct_graph_text(CTGraph *graph, const char *keyword, const char *value) {
  return guarded([&] {
    const auto type = plainType(graph, keyword);
    TORCH_CHECK(type->kind() == c10::TypeKind::StringType, "a text where ", type->str(), " is asked for");
    graph->graph.addConstant(keyword, std::string(value));
  });
}

CTStatus ct_graph_property(
    CTGraph *graph, const char *keyword, const char *kind, const char *name) {
  return guarded([&] {
    const auto &argument = graph->graph.argument(keyword);
    static const std::map<std::string, c10::TypeKind> kinds = {
        {"dtype", c10::TypeKind::ScalarTypeType}, {"layout", c10::TypeKind::LayoutType},
        {"memory_format", c10::TypeKind::MemoryFormatType}, {"device", c10::TypeKind::DeviceObjType}};
    TORCH_CHECK(
        plain(argument.real_type())->kind() == named(kinds, kind, "property"), argument.name(),
        " is no ", kind);
    graph->graph.addConstant(keyword, property(kind, name));
  });
}

CTStatus ct_graph_integers(CTGraph *graph, const char *keyword, const int64_t *values, int count) {
  return addList(graph, keyword, values, count);
}

CTStatus ct_graph_numbers(CTGraph *graph, const char *keyword, const double *values, int count) {
  return addList(graph, keyword, values, count);
}

CTStatus ct_graph_booleans(CTGraph *graph, const char *keyword, const bool *values, int count) {
  return addList(graph, keyword, values, count);
}

CTStatus ct_graph_slots(CTGraph *graph, const char *keyword, const int *slots, int count) {
  return guarded([&] {
    const auto type = plainType(graph, keyword)->cast<c10::ListType>();
    TORCH_CHECK(type, "a list of values where none is asked for");
    const auto element = type->getElementType();
    const bool isOptional = element->kind() == c10::TypeKind::OptionalType;
    TORCH_CHECK(isTensor(plain(element)), "a list of tensors where there are others");
    graph->graph.addPatch(
        keyword, isOptional ? GraphPatch::optionalTensors : GraphPatch::tensors,
        std::vector<int>(slots, slots + count));
  });
}

CTStatus ct_graph_finish(CTGraph *graph, const int *slots, int count) {
  return guarded([&] { graph->graph.finish(std::vector<int>(slots, slots + count)); });
}

CTStatus ct_graph_run(CTGraph *graph, CTTensor *const *inputs, int count, CTTensor **out) {
  return guarded([&] {
    std::vector<at::Tensor> given;
    for (int i = 0; i < count; i++) given.push_back(inputs[i]->value);
    auto results = graph->graph.run(given);
    for (auto &result : results) result = result.contiguous();
    for (size_t i = 0; i < results.size(); i++) out[i] = wrap(std::move(results[i]));
  });
}
