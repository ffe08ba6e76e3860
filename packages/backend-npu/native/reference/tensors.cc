#include "tensors.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

namespace {

template <typename T>
T *allocate(size_t count) {
  void *block = std::calloc(count > 0 ? count : 1, sizeof(T));
  if (block == nullptr) throw std::bad_alloc();
  return static_cast<T *>(block);
}

template <typename T>
void free_each(T **blocks, size_t count) {
  if (blocks == nullptr) return;
  for (size_t i = 0; i < count; i++) std::free(blocks[i]);
  std::free(blocks);
}

}  // namespace

void FreeTensors::operator()(tensors_struct *tensors) const {
  free_each(tensors->names, tensors->num_tensors);
  free_each(tensors->shapes, tensors->num_tensors);
  free_each(tensors->data, tensors->num_tensors);
  std::free(tensors->data_types);
  std::free(tensors->ranks);
  std::free(tensors);
}

Tensors make_tensors(size_t count) {
  Tensors tensors(allocate<tensors_struct>(1));
  tensors->num_tensors = count;
  tensors->names = allocate<char *>(count);
  tensors->data_types = allocate<int32_t>(count);
  tensors->ranks = allocate<size_t>(count);
  tensors->shapes = allocate<size_t *>(count);
  tensors->data = allocate<void *>(count);
  return tensors;
}

void *set_tensor(tensors_struct &tensors, size_t index, const std::string &name, int32_t type,
                 const std::vector<int64_t> &shape) {
  tensors.names[index] = allocate<char>(name.size() + 1);
  std::memcpy(tensors.names[index], name.c_str(), name.size() + 1);
  tensors.data_types[index] = type;
  tensors.ranks[index] = shape.size();
  tensors.shapes[index] = allocate<size_t>(shape.size());
  for (size_t i = 0; i < shape.size(); i++) tensors.shapes[index][i] = static_cast<size_t>(shape[i]);
  const size_t bytes = byte_size(type, shape.size(), tensors.shapes[index]);
  // Not calloc: the caller fills all of it.
  void *data = std::malloc(bytes > 0 ? bytes : 1);
  if (data == nullptr) throw std::bad_alloc();
  return tensors.data[index] = data;
}

size_t element_size(int32_t type) {
  switch (type) {
    case DATA_TYPE_UINT8:
    case DATA_TYPE_INT8:
    case DATA_TYPE_BOOL:
      return 1;
    case DATA_TYPE_UINT16:
    case DATA_TYPE_INT16:
    case DATA_TYPE_FLOAT16:
    case DATA_TYPE_BFLOAT16:
      return 2;
    case DATA_TYPE_FLOAT:
    case DATA_TYPE_INT32:
    case DATA_TYPE_UINT32:
      return 4;
    case DATA_TYPE_DOUBLE:
    case DATA_TYPE_INT64:
    case DATA_TYPE_UINT64:
    case DATA_TYPE_COMPLEX64:
      return 8;
    case DATA_TYPE_COMPLEX128:
      return 16;
    default:
      return 0;
  }
}

size_t byte_size(int32_t type, size_t rank, const size_t *shape) {
  size_t bytes = element_size(type);
  // An empty tensor is empty, however large its other dimensions are.
  for (size_t i = 0; i < rank; i++) {
    if (shape[i] == 0) return 0;
  }
  for (size_t i = 0; i < rank; i++) {
    if (__builtin_mul_overflow(bytes, shape[i], &bytes)) throw std::runtime_error("the shape is too large");
  }
  return bytes;
}
