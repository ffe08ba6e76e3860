// The OAAX runtime interface: the current form, and the older synchronous one. All functions return 0 on success.
#ifndef OAAX_ABI_H
#define OAAX_ABI_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define OAAX_EXPORT __declspec(dllexport)
#else
#define OAAX_EXPORT __attribute__((visibility("default")))
#endif

// The numbers are those of ONNX.
enum tensor_data_type {
  DATA_TYPE_UNDEFINED = 0,
  DATA_TYPE_FLOAT = 1,
  DATA_TYPE_UINT8 = 2,
  DATA_TYPE_INT8 = 3,
  DATA_TYPE_UINT16 = 4,
  DATA_TYPE_INT16 = 5,
  DATA_TYPE_INT32 = 6,
  DATA_TYPE_INT64 = 7,
  DATA_TYPE_STRING = 8,
  DATA_TYPE_BOOL = 9,
  DATA_TYPE_FLOAT16 = 10,
  DATA_TYPE_DOUBLE = 11,
  DATA_TYPE_UINT32 = 12,
  DATA_TYPE_UINT64 = 13,
  DATA_TYPE_COMPLEX64 = 14,
  DATA_TYPE_COMPLEX128 = 15,
  DATA_TYPE_BFLOAT16 = 16
};

// Every array has num_tensors entries. Each array, name, shape and data block is a block of malloc() of its own.
typedef struct tensors_struct {
  size_t num_tensors;
  char **names;
  int32_t *data_types;  // enum tensor_data_type; an int, because the other side may put any number there
  size_t *ranks;
  size_t **shapes;  // shapes[i] may be null where ranks[i] is 0
  void **data;
} tensors_struct;

#ifdef __cplusplus
extern "C" {
#endif

OAAX_EXPORT int runtime_initialization(void);
OAAX_EXPORT int runtime_initialization_with_args(int length, const char **keys, const void **values);
OAAX_EXPORT int runtime_model_loading(const char *file_path);
OAAX_EXPORT int runtime_destruction(void);
// Valid until the calling thread calls again.
OAAX_EXPORT const char *runtime_error_message(void);
OAAX_EXPORT const char *runtime_version(void);
OAAX_EXPORT const char *runtime_name(void);

// Current form. On success the runtime owns the input and everything under it; on failure the caller keeps it.
OAAX_EXPORT int send_input(tensors_struct *input);
// The caller owns what comes back. Non-zero: nothing there yet, or an error.
OAAX_EXPORT int receive_output(tensors_struct **output);

// Older form. The caller owns `input` and the struct `output`; what the runtime writes into `output` belongs to the
// runtime and lasts until the next execution, cleanup or destruction.
OAAX_EXPORT int runtime_inference_execution(tensors_struct *input, tensors_struct *output);
OAAX_EXPORT int runtime_inference_cleanup(void);

#ifdef __cplusplus
}
#endif

#endif
