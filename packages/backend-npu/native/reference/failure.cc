#include "failure.h"

#include <cstdio>
#include <cstring>
#include <mutex>

namespace {

// Plain arrays: a thread-local object with a destructor would keep the library loaded until its threads end.
constexpr size_t LENGTH = 1024;
thread_local char own[LENGTH];
char latest[LENGTH];
std::mutex mutex;

}  // namespace

void begin_call() { own[0] = '\0'; }

void remember_failure(const char *message) {
  std::snprintf(own, LENGTH, "%s", message);
  const std::lock_guard<std::mutex> lock(mutex);
  std::memcpy(latest, own, LENGTH);
}

const char *last_failure() {
  if (own[0] == '\0') {
    const std::lock_guard<std::mutex> lock(mutex);
    std::memcpy(own, latest, LENGTH);
  }
  return own;
}
