// The model: the one float32 input, doubled.
#ifndef FAULTY_INFERENCE_H
#define FAULTY_INFERENCE_H

#include <stdbool.h>

#include "../abi.h"

bool is_valid(const tensors_struct *input);

// With the faults that strike at an inference or its output. The input stays the caller's, who also owns what comes back.
tensors_struct *infer(const tensors_struct *input);

void free_tensors(tensors_struct *tensors);

#endif
