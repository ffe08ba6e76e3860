#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../abi.h"

struct FreeTensors {
  // Frees the struct and everything under it. Null pointers are fine anywhere.
  void operator()(tensors_struct *tensors) const;
};

// Owned by this side, every block from malloc().
using Tensors = std::unique_ptr<tensors_struct, FreeTensors>;

// With zeroed entries for `count` tensors. @throws std::bad_alloc
Tensors make_tensors(size_t count);

// Sets entry `index`; its data block is malloc'ed, of at least one byte, and returned for the caller to fill.
void *set_tensor(tensors_struct &tensors, size_t index, const std::string &name, int32_t type,
                 const std::vector<int64_t> &shape);

// Bytes of one element; 0 for types without a fixed size.
size_t element_size(int32_t type);

// @throws std::runtime_error when the product does not fit a size_t.
size_t byte_size(int32_t type, size_t rank, const size_t *shape);
