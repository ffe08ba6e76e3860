#pragma once

#include <cstdint>
#include <string>

// The project's extension, see docs/oaax-extension.md: how inputs go back to a host that keeps owning them.
struct Release {
  int (*function)(void *) = nullptr;  // null: inputs are ours, and freed
  int64_t offset = 0;                 // from the input struct to the argument of `function`, in bytes
};

// What runtime_initialization_with_args was given.
struct Arguments {
  std::string ort_library = "libonnxruntime.so.1";  // ort_library, char *
  int workers = 1;                                  // n_duplicates, int *: 1..1024
  int threads = 1;                                  // num_threads, char *: threads of one inference, 1..1024
  int queue_size = 100;                             // queue_size, char *: inferences in flight, 1..1000000
  int receive_timeout_ms = 200;                     // receive_timeout_ms, char *: 0..86400000
  Release release;

  // Unknown keys are ignored. @throws std::runtime_error for a bad value
  static Arguments parse(int length, const char **keys, const void **values);
  // Tells the host that its offer of the extension is accepted.
  void accept() const;

  int *accepted = nullptr;  // the host's; valid during initialization only
};
