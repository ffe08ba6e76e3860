// The current form of the interface: inferences are queued, workers run them.
#include <stdexcept>

#include "failure.h"
#include "instance.h"

int runtime_initialization_with_args(int length, const char **keys, const void **values) {
  return guarded([&] {
    const Arguments arguments = Arguments::parse(length, keys, values);
    create_runtime(arguments);
    arguments.accept();
  });
}

int runtime_model_loading(const char *file_path) {
  return guarded([&] {
    const Use runtime;
    runtime->load(file_path, runtime->arguments().workers);
  });
}

int send_input(tensors_struct *input) {
  return guarded([&] { Use()->send(input); });
}

int receive_output(tensors_struct **output) {
  return guarded([&] {
    if (output == nullptr) throw std::runtime_error("the place for the output is null");
    *output = Use()->receive().release();
  });
}

int runtime_destruction(void) { return guarded(destroy_runtime); }
