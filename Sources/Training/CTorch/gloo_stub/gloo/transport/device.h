// The wheel of libtorch ships no Gloo headers. These declarations are just enough to parse
// c10d/ProcessGroupGloo.hpp; every object they name is made and used by libtorch itself.
#pragma once
namespace gloo::transport {
class Device;
class UnboundBuffer {
 public:
  virtual ~UnboundBuffer();
};
}  // namespace gloo::transport
