// The older form of the interface: inferences run on the calling thread, one after the other.
#include <stdexcept>

#include "failure.h"
#include "instance.h"

namespace {

std::mutex execution;
// The output of the last execution, freed at the next one, at cleanup and at destruction. A plain pointer, for a
// process may exit while it is in use.
tensors_struct *last_output = nullptr;

void keep(tensors_struct *output) {
  if (last_output != nullptr) FreeTensors()(last_output);
  last_output = output;
}

}  // namespace

int runtime_initialization_with_args(int length, const char **keys, const void **values) {
  // The extension is not accepted: inputs stay the caller's in this form anyway.
  return guarded([&] { create_runtime(Arguments::parse(length, keys, values)); });
}

int runtime_model_loading(const char *file_path) {
  return guarded([&] { Use()->load(file_path, 0); });
}

int runtime_inference_execution(tensors_struct *input, tensors_struct *output) {
  return guarded([&] {
    if (output == nullptr) throw std::runtime_error("the struct for the output is null");
    const std::lock_guard<std::mutex> lock(execution);
    keep(nullptr);
    keep(Use()->execute(input).release());
    *output = *last_output;
  });
}

int runtime_inference_cleanup(void) {
  return guarded([] {
    const std::lock_guard<std::mutex> lock(execution);
    keep(nullptr);
  });
}

int runtime_destruction(void) {
  return guarded([] {
    destroy_runtime();
    const std::lock_guard<std::mutex> lock(execution);
    keep(nullptr);
  });
}
