#include "check.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace {

std::string describe(size_t rank, const size_t *shape) {
  std::string text;
  for (size_t i = 0; i < rank; i++) text += (i > 0 ? "," : "") + std::to_string(shape[i]);
  return "[" + text + "]";
}

std::string describe(const std::vector<int64_t> &shape) {
  std::string text;
  for (const int64_t size : shape) text += (text.empty() ? "" : ",") + (size < 0 ? "?" : std::to_string(size));
  return "[" + text + "]";
}

const TensorType &find(const std::vector<TensorType> &types, const char *name) {
  for (const TensorType &type : types) {
    if (type.name == name) return type;
  }
  std::string known;
  for (const TensorType &type : types) known += (known.empty() ? "" : ", ") + type.name;
  throw std::runtime_error(std::string("the model has no input '") + name + "'; it has: " + known);
}

void check_shape(const std::string &of, size_t rank, const size_t *shape, const TensorType &type) {
  if (rank > 0 && shape == nullptr) throw std::runtime_error(of + ": the shape is null");
  if (!type.ranked) {
    // No operator knows more dimensions; without a limit a wild rank would be read as a shape.
    if (rank > 64) throw std::runtime_error(of + ": the rank " + std::to_string(rank) + " is too large");
    return;
  }
  if (rank != type.shape.size()) {
    throw std::runtime_error(of + ": the rank is " + std::to_string(rank) + ", the model wants " +
                             std::to_string(type.shape.size()));
  }
  for (size_t i = 0; i < rank; i++) {
    if (type.shape[i] < 0 || shape[i] == static_cast<size_t>(type.shape[i])) continue;
    throw std::runtime_error(of + ": the shape is " + describe(rank, shape) + ", the model wants " +
                             describe(type.shape));
  }
}

void check_tensor(const tensors_struct &inputs, size_t index, const TensorType &type) {
  const std::string of = "input '" + type.name + "'";
  if (inputs.data_types[index] != type.type) {
    throw std::runtime_error(of + ": the data type is " + std::to_string(inputs.data_types[index]) +
                             ", the model wants " + std::to_string(type.type));
  }
  const size_t rank = inputs.ranks[index];
  const size_t *shape = inputs.shapes[index];
  check_shape(of, rank, shape, type);
  if (byte_size(type.type, rank, shape) > 0 && inputs.data[index] == nullptr) {
    throw std::runtime_error(of + ": the data is null");
  }
}

}  // namespace

void check_inputs(const tensors_struct *inputs, const std::vector<TensorType> &types) {
  if (inputs == nullptr) throw std::runtime_error("the input is null");
  if (inputs->num_tensors != types.size()) {
    throw std::runtime_error("there are " + std::to_string(inputs->num_tensors) + " input tensors, the model wants " +
                             std::to_string(types.size()));
  }
  if (types.empty()) return;
  if (!inputs->names || !inputs->data_types || !inputs->ranks || !inputs->shapes || !inputs->data) {
    throw std::runtime_error("names, data_types, ranks, shapes or data of the input is null");
  }
  for (size_t i = 0; i < types.size(); i++) {
    const char *name = inputs->names[i];
    if (name == nullptr) throw std::runtime_error("the name of input tensor " + std::to_string(i) + " is null");
    const auto same = [&](const char *other) { return std::strcmp(name, other) == 0; };
    if (std::any_of(inputs->names, inputs->names + i, same)) {
      throw std::runtime_error(std::string("the input '") + name + "' is given twice");
    }
    check_tensor(*inputs, i, find(types, name));
  }
}
