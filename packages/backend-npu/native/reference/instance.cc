#include "instance.h"

#include <new>
#include <stdexcept>

namespace {

struct Instance {
  std::mutex mutex;
  std::condition_variable unused;
  Runtime *runtime = nullptr;
  bool changing = false;  // being made or destroyed
  int uses = 0;
};

// Never destroyed: a process may exit while workers run. In place, so that nothing is lost when the library is unloaded.
Instance &instance() {
  alignas(Instance) static unsigned char place[sizeof(Instance)];
  static Instance *const only = new (place) Instance;
  return *only;
}

void end_change(Runtime *runtime) {
  Instance &at = instance();
  const std::lock_guard<std::mutex> lock(at.mutex);
  at.runtime = runtime;
  at.changing = false;
}

}  // namespace

Use::Use() {
  Instance &at = instance();
  const std::lock_guard<std::mutex> lock(at.mutex);
  if (at.runtime == nullptr || at.changing) {
    throw std::runtime_error("the runtime is not initialized; call runtime_initialization first");
  }
  runtime_ = at.runtime;
  at.uses++;
}

Use::~Use() {
  Instance &at = instance();
  const std::lock_guard<std::mutex> lock(at.mutex);
  if (--at.uses == 0) at.unused.notify_all();
}

void create_runtime(const Arguments &arguments) {
  Instance &at = instance();
  {
    const std::lock_guard<std::mutex> lock(at.mutex);
    if (at.runtime != nullptr || at.changing) throw std::runtime_error("the runtime is initialized already");
    at.changing = true;
  }
  Runtime *runtime = nullptr;
  try {
    runtime = new Runtime(arguments);
  } catch (...) {
    end_change(nullptr);
    throw;
  }
  end_change(runtime);
}

void destroy_runtime() {
  Instance &at = instance();
  Runtime *runtime = nullptr;
  {
    std::unique_lock<std::mutex> lock(at.mutex);
    if (at.changing) throw std::runtime_error("the runtime is being initialized or destroyed by another thread");
    if (at.runtime == nullptr) return;
    at.changing = true;
    runtime = at.runtime;
    runtime->stop();
    at.unused.wait(lock, [&] { return at.uses == 0; });
  }
  delete runtime;
  end_change(nullptr);
}
