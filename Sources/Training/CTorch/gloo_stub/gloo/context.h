// Only reached through pointers that libtorch made; setTimeout is a symbol it exports.
#pragma once
#include <chrono>
namespace gloo {
class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};
}  // namespace gloo
