#pragma once

#include <exception>

// What runtime_error_message tells.

// Forgets the last failure of this thread: a call begins.
void begin_call();
// Remembers a failure, for this thread and as the latest of all.
void remember_failure(const char *message);
// The last failure of this thread, else the latest of any thread, else "". Valid until this thread calls again.
const char *last_failure();

// Runs the body of an exported function: no exception may cross the interface. Returns 0, or 1 when it threw.
template <typename Body>
int guarded(Body body) {
  begin_call();
  try {
    body();
    return 0;
  } catch (const std::exception &error) {
    remember_failure(error.what());
  } catch (...) {
    remember_failure("an unknown exception");
  }
  return 1;
}
