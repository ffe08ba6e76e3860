#include "arguments.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace {

constexpr int EXTENSION_VERSION = 1;

int in_range(const std::string &key, long value, long low, long high) {
  if (value >= low && value <= high) return static_cast<int>(value);
  throw std::runtime_error("the argument " + key + " must be from " + std::to_string(low) + " to " +
                           std::to_string(high));
}

int parse_number(const std::string &key, const void *value, long low, long high) {
  const char *text = static_cast<const char *>(value);
  char *end = nullptr;
  errno = 0;
  const long number = std::strtol(text, &end, 10);
  if (end == text || *end != '\0' || errno != 0) {
    throw std::runtime_error("the argument " + key + " must be a decimal number, and is '" + text + "'");
  }
  return in_range(key, number, low, high);
}

}  // namespace

Arguments Arguments::parse(int length, const char **keys, const void **values) {
  if (length < 0) throw std::runtime_error("the number of arguments is negative");
  if (length > 0 && (keys == nullptr || values == nullptr)) throw std::runtime_error("keys or values are null");
  Arguments arguments;
  int version = 0;
  for (int i = 0; i < length; i++) {
    if (keys[i] == nullptr) throw std::runtime_error("the key of argument " + std::to_string(i) + " is null");
    const std::string key = keys[i];
    const void *value = values[i];
    if (value == nullptr) continue;
    if (key == "ort_library") arguments.ort_library = static_cast<const char *>(value);
    if (key == "n_duplicates") arguments.workers = in_range(key, *static_cast<const int *>(value), 1, 1024);
    if (key == "num_threads") arguments.threads = parse_number(key, value, 1, 1024);
    if (key == "queue_size") arguments.queue_size = parse_number(key, value, 1, 1000000);
    if (key == "receive_timeout_ms") arguments.receive_timeout_ms = parse_number(key, value, 0, 86400000);
    if (key == "xpu_hal.extension") version = *static_cast<const int *>(value);
    // The pointer is the function.
    if (key == "xpu_hal.release") std::memcpy(&arguments.release.function, &values[i], sizeof(void *));
    if (key == "xpu_hal.release_offset") arguments.release.offset = *static_cast<const int64_t *>(value);
    if (key == "xpu_hal.accepted") arguments.accepted = static_cast<int *>(const_cast<void *>(value));
  }
  const bool offered = version == EXTENSION_VERSION && arguments.release.function != nullptr;
  if (!offered || arguments.accepted == nullptr) {
    arguments.release = {};
    arguments.accepted = nullptr;
  }
  return arguments;
}

void Arguments::accept() const {
  if (accepted != nullptr) *accepted = 1;
}
