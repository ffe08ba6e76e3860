#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

// The part of ONNX Runtime's C API that is used here, so that no header of theirs is needed. X(slot, name, arguments):
// the table of functions only ever grows, so that a slot holds for every build of at least ORT_VERSION.
// Slots and arguments as in onnxruntime_c_api.h of ONNX Runtime 1.30.
constexpr uint32_t ORT_VERSION = 17;

struct OrtStatus;
struct OrtEnv;
struct OrtSessionOptions;
struct OrtSession;
struct OrtRunOptions;
struct OrtAllocator;
struct OrtMemoryInfo;
struct OrtValue;
struct OrtTypeInfo;
struct OrtTensorInfo;  // OrtTensorTypeAndShapeInfo

#define ORT_STATUS_FUNCTIONS(X)                                                                               \
  X(3, CreateEnv, (int level, const char *id, OrtEnv **out))                                                  \
  X(7, CreateSession, (const OrtEnv *, const char *path, const OrtSessionOptions *, OrtSession **out))        \
  X(9, Run,                                                                                                   \
    (OrtSession *, const OrtRunOptions *, const char *const *input_names, const OrtValue *const *inputs,      \
     size_t input_count, const char *const *output_names, size_t output_count, OrtValue **outputs))           \
  X(10, CreateSessionOptions, (OrtSessionOptions * *out))                                                     \
  X(22, SetSessionLogSeverityLevel, (OrtSessionOptions *, int level))                                         \
  X(24, SetIntraOpNumThreads, (OrtSessionOptions *, int threads))                                             \
  X(25, SetInterOpNumThreads, (OrtSessionOptions *, int threads))                                             \
  X(30, SessionGetInputCount, (const OrtSession *, size_t *out))                                              \
  X(31, SessionGetOutputCount, (const OrtSession *, size_t *out))                                             \
  X(33, SessionGetInputTypeInfo, (const OrtSession *, size_t index, OrtTypeInfo **out))                       \
  X(34, SessionGetOutputTypeInfo, (const OrtSession *, size_t index, OrtTypeInfo **out))                      \
  X(36, SessionGetInputName, (const OrtSession *, size_t index, OrtAllocator *, char **out))                  \
  X(37, SessionGetOutputName, (const OrtSession *, size_t index, OrtAllocator *, char **out))                 \
  X(39, CreateRunOptions, (OrtRunOptions * *out))                                                             \
  X(46, RunOptionsSetTerminate, (OrtRunOptions *))                                                            \
  X(49, CreateTensorWithDataAsOrtValue,                                                                       \
    (const OrtMemoryInfo *, void *data, size_t bytes, const int64_t *shape, size_t rank, int type,            \
     OrtValue **out))                                                                                         \
  X(51, GetTensorMutableData, (OrtValue *, void **out))                                                       \
  X(55, CastTypeInfoToTensorInfo, (const OrtTypeInfo *, const OrtTensorInfo **out))                           \
  X(60, GetTensorElementType, (const OrtTensorInfo *, int *out))                                              \
  X(61, GetDimensionsCount, (const OrtTensorInfo *, size_t *out))                                             \
  X(62, GetDimensions, (const OrtTensorInfo *, int64_t *out, size_t count))                                   \
  X(65, GetTensorTypeAndShape, (const OrtValue *, OrtTensorInfo **out))                                       \
  X(69, CreateCpuMemoryInfo, (int allocator, int memory, OrtMemoryInfo **out))                                \
  X(76, AllocatorFree, (OrtAllocator *, void *block))                                                         \
  X(78, GetAllocatorWithDefaultOptions, (OrtAllocator * *out))                                                \
  X(130, AddSessionConfigEntry, (OrtSessionOptions *, const char *key, const char *value))

#define ORT_RELEASE_FUNCTIONS(X)          \
  X(92, ReleaseEnv, OrtEnv)               \
  X(93, ReleaseStatus, OrtStatus)         \
  X(94, ReleaseMemoryInfo, OrtMemoryInfo) \
  X(95, ReleaseSession, OrtSession)       \
  X(96, ReleaseValue, OrtValue)           \
  X(97, ReleaseRunOptions, OrtRunOptions) \
  X(98, ReleaseTypeInfo, OrtTypeInfo)     \
  X(99, ReleaseTensorInfo, OrtTensorInfo) \
  X(100, ReleaseSessionOptions, OrtSessionOptions)

template <typename T>
using Owned = std::unique_ptr<T, void (*)(T *)>;

// ONNX Runtime, loaded; any thread may use it. The library itself is never unloaded: it has threads and data of its own.
class Ort {
 public:
  // @throws std::runtime_error that names the library
  explicit Ort(const std::string &library);
  ~Ort();
  Ort(const Ort &) = delete;
  Ort &operator=(const Ort &) = delete;

  // Frees the status. @throws std::runtime_error with its message
  void check(OrtStatus *status) const;
  // False where a type tells no rank. Builds before 1.24 cannot say, and are believed.
  bool has_shape(const OrtTensorInfo *info) const { return has_shape_ == nullptr || has_shape_(info); }

#define DECLARE(slot, name, arguments) OrtStatus *(*name) arguments = nullptr;
  ORT_STATUS_FUNCTIONS(DECLARE)
#undef DECLARE
#define DECLARE(slot, name, type) void (*name)(type *) = nullptr;
  ORT_RELEASE_FUNCTIONS(DECLARE)
#undef DECLARE

  OrtEnv *env = nullptr;
  OrtMemoryInfo *memory = nullptr;
  OrtAllocator *allocator = nullptr;  // ONNX Runtime's own

 private:
  void bind(void *const *table, int minor_version);

  const char *(*message_)(const OrtStatus *) = nullptr;
  bool (*has_shape_)(const OrtTensorInfo *) = nullptr;
};

// Log levels of ONNX Runtime: what went wrong comes with the status of each call, so the log is off.
constexpr int ORT_LOG_FATAL = 4;
