#pragma once
#include <ATen/core/Tensor.h>

#include "include/CTorch.h"

namespace ctorch {

/// The device on which this process computes.
at::Device device();

/// The elements of `tensor` in the host's memory: the tensor itself where it is there already.
at::Tensor onHost(const at::Tensor &tensor);

/// Memory of the host for a copy of `tensor` that the device can reach directly.
at::Tensor stagingFor(const at::Tensor &tensor);

}  // namespace ctorch
