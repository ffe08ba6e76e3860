#pragma once

#include <vector>

#include "model.h"

// Whether `inputs` is what `types` asks for, in any order. Reads nothing of the data.
// @throws std::runtime_error that names the tensor
void check_inputs(const tensors_struct *inputs, const std::vector<TensorType> &types);
