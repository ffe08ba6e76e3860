#include "ort.h"

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace {

struct ApiBase {
  void *const *(*get_api)(uint32_t version);
  const char *(*get_version)();
};

constexpr int DEVICE_ALLOCATOR = 0;
constexpr int DEFAULT_MEMORY = 0;
constexpr int MESSAGE_SLOT = 2;
constexpr int HAS_SHAPE_SLOT = 390;
constexpr int HAS_SHAPE_VERSION = 24;

template <typename F>
void bind_slot(F &function, void *const *table, int slot) {
  static_assert(sizeof(function) == sizeof(void *), "functions are pointers");
  std::memcpy(&function, &table[slot], sizeof(void *));
}

int minor_version(const char *version) {
  const char *dot = std::strchr(version, '.');
  return dot == nullptr ? 0 : std::atoi(dot + 1);
}

}  // namespace

Ort::Ort(const std::string &library) {
  void *handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    throw std::runtime_error(std::string("ONNX Runtime cannot be loaded (argument ort_library): ") + dlerror());
  }
  const ApiBase *(*get_base)() = nullptr;
  void *symbol = dlsym(handle, "OrtGetApiBase");
  if (symbol == nullptr) throw std::runtime_error(library + " is not ONNX Runtime: it has no OrtGetApiBase");
  std::memcpy(&get_base, &symbol, sizeof symbol);
  const ApiBase *base = get_base();
  void *const *table = base->get_api(ORT_VERSION);
  if (table == nullptr) {
    throw std::runtime_error(library + " is ONNX Runtime " + base->get_version() + ", needed is 1." +
                             std::to_string(ORT_VERSION) + " or later");
  }
  bind(table, minor_version(base->get_version()));
  check(GetAllocatorWithDefaultOptions(&allocator));
  check(CreateCpuMemoryInfo(DEVICE_ALLOCATOR, DEFAULT_MEMORY, &memory));
  OrtStatus *failure = CreateEnv(ORT_LOG_FATAL, "oaax-reference", &env);
  if (failure == nullptr) return;
  ReleaseMemoryInfo(memory);
  check(failure);
}

Ort::~Ort() {
  ReleaseMemoryInfo(memory);
  ReleaseEnv(env);
}

void Ort::bind(void *const *table, int minor_version) {
#define BIND(slot, name, arguments) bind_slot(name, table, slot);
  ORT_STATUS_FUNCTIONS(BIND)
  ORT_RELEASE_FUNCTIONS(BIND)
#undef BIND
  bind_slot(message_, table, MESSAGE_SLOT);
  if (minor_version >= HAS_SHAPE_VERSION) bind_slot(has_shape_, table, HAS_SHAPE_SLOT);
}

void Ort::check(OrtStatus *status) const {
  if (status == nullptr) return;
  const std::string message = message_(status);
  ReleaseStatus(status);
  throw std::runtime_error(message);
}
