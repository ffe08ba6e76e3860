// A failed inference fails at its turn, with the reason, and the others give their answers; in either form of the
// interface. failures <library> <ONNX Runtime> <model of models.mjs> <rounds of 60 inferences>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../abi.h"

#define CHECK(condition)                                                            \
  do {                                                                              \
    if (condition) break;                                                           \
    fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, error_message());    \
    abort();                                                                        \
  } while (0)

static int (*send_one)(tensors_struct *);
static int (*receive_one)(tensors_struct **);
static int (*execute)(tensors_struct *, tensors_struct *);
static int (*cleanup)(void);
static const char *(*error_message)(void);

static void free_tensors(tensors_struct *tensors) {
  free(tensors->names[0]);
  free(tensors->shapes[0]);
  free(tensors->data[0]);
  free(tensors->names);
  free(tensors->data_types);
  free(tensors->ranks);
  free(tensors->shapes);
  free(tensors->data);
  free(tensors);
}

// `count` times the same index.
static tensors_struct *make_input(int64_t index, size_t count) {
  tensors_struct *input = malloc(sizeof *input);
  input->num_tensors = 1;
  input->names = malloc(sizeof(char *));
  input->names[0] = strdup("indices");
  input->data_types = malloc(sizeof(int32_t));
  input->data_types[0] = DATA_TYPE_INT64;
  input->ranks = malloc(sizeof(size_t));
  input->ranks[0] = 1;
  input->shapes = malloc(sizeof(size_t *));
  input->shapes[0] = malloc(sizeof(size_t));
  input->shapes[0][0] = count;
  input->data = malloc(sizeof(void *));
  int64_t *indices = malloc(count * sizeof *indices);
  for (size_t i = 0; i < count; i++) indices[i] = index;
  input->data[0] = indices;
  return input;
}

// Index and length of inference `turn`; each third one fails.
static int64_t index_of(int turn) { return turn % 3 == 2 ? 99 : turn % 4; }
static size_t length_of(int turn) { return (size_t)(turn % 5); }

static void check_output(const tensors_struct *output, int turn) {
  CHECK(output->num_tensors == 1 && strcmp(output->names[0], "y") == 0);
  CHECK(output->data_types[0] == DATA_TYPE_FLOAT && output->ranks[0] == 1);
  CHECK(output->shapes[0][0] == length_of(turn));
  const float *values = output->data[0];
  for (size_t i = 0; i < length_of(turn); i++) CHECK(values[i] == (float)(10 * (index_of(turn) + 1)));
}

static int fails(int turn) { return index_of(turn) == 99 && length_of(turn) > 0; }

static void check_reason(void) { CHECK(strstr(error_message(), "99") != NULL); }

static void asynchronous(int rounds) {
  for (int round = 0; round < rounds; round++) {
    for (int turn = 0; turn < 60; turn++) CHECK(send_one(make_input(index_of(turn), length_of(turn))) == 0);
    for (int turn = 0; turn < 60; turn++) {
      tensors_struct *output = NULL;
      if (receive_one(&output) == 0) {
        CHECK(!fails(turn));
        check_output(output, turn);
        free_tensors(output);
      } else {
        CHECK(fails(turn));
        check_reason();
      }
    }
  }
}

static void synchronous(int rounds) {
  for (int turn = 0; turn < 60 * rounds; turn++) {
    tensors_struct output, *input = make_input(index_of(turn), length_of(turn));
    memset(&output, 0, sizeof output);
    if (execute(input, &output) == 0) {
      CHECK(!fails(turn));
      check_output(&output, turn);
    } else {
      CHECK(fails(turn));
      check_reason();
    }
    // Without it the next execution and the destruction clean up.
    if (turn % 2 == 0) CHECK(cleanup() == 0);
    free_tensors(input);
  }
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  const int rounds = atoi(argv[4]);
  void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return fprintf(stderr, "%s\n", dlerror()), 2;
  int (*initialize)(int, const char **, const void **), (*load)(const char *), (*destroy)(void);
  *(void **)&initialize = dlsym(library, "runtime_initialization_with_args");
  *(void **)&load = dlsym(library, "runtime_model_loading");
  *(void **)&destroy = dlsym(library, "runtime_destruction");
  *(void **)&error_message = dlsym(library, "runtime_error_message");
  *(void **)&send_one = dlsym(library, "send_input");
  *(void **)&receive_one = dlsym(library, "receive_output");
  *(void **)&execute = dlsym(library, "runtime_inference_execution");
  *(void **)&cleanup = dlsym(library, "runtime_inference_cleanup");

  const int workers = 3;
  const char *keys[] = {"ort_library", "n_duplicates"};
  const void *values[] = {argv[2], &workers};
  const void *wrong[] = {"/no/such/library", &workers};
  CHECK(initialize(2, keys, wrong) != 0);
  CHECK(strstr(error_message(), "/no/such/library") != NULL);
  CHECK(initialize(2, keys, values) == 0);
  CHECK(load(argv[3]) == 0);
  if (execute != NULL) {
    synchronous(rounds);
  } else {
    asynchronous(rounds);
  }
  CHECK(destroy() == 0);
  dlclose(library);
  printf("failures: as they should be\n");
  return 0;
}
