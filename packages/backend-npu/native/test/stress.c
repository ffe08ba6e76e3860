// Exercises a runtime and fails on the first wrong answer: one of the current interface from several threads; one of the
// older interface, which allows one, inference after inference.
// stress <library> <ONNX Runtime> <model> <count> <workers> <in flight> [extension]
// STRESS_QUEUE inferences fill the queue in each of STRESS_ROUNDS destructions; 64 and 5 when missing. They are run whatever
// the count is, so they set the time that a large model takes under valgrind.
// The model has one float32 input of a fixed shape, given as STRESS_SHAPE=1,224,224,3 in the environment.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../abi.h"

#define KINDS 8
#define CHECK(condition)                                                        \
  do {                                                                          \
    if (condition) break;                                                       \
    fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, error_message()); \
    abort();                                                                    \
  } while (0)

static int (*initialize)(int, const char **, const void **);
static int (*load)(const char *);
static int (*send)(tensors_struct *);
static int (*receive)(tensors_struct **);
static int (*execute)(tensors_struct *, tensors_struct *);
static int (*cleanup)(void);
static int (*destroy)(void);
static const char *(*error_message)(void);

static size_t shape[8], rank, elements = 1;
static const char *input_name;
static int extension;
static long count;
static sem_t slots;
static tensors_struct *answers[KINDS];

static tensors_struct *make_input(int kind) {
  tensors_struct *input = calloc(1, sizeof *input);
  input->num_tensors = 1;
  input->names = malloc(sizeof(char *));
  input->names[0] = strdup(input_name);
  input->data_types = malloc(sizeof(int32_t));
  input->data_types[0] = DATA_TYPE_FLOAT;
  input->ranks = malloc(sizeof(size_t));
  input->ranks[0] = rank;
  input->shapes = malloc(sizeof(size_t *));
  input->shapes[0] = malloc(rank * sizeof(size_t));
  memcpy(input->shapes[0], shape, rank * sizeof(size_t));
  input->data = malloc(sizeof(void *));
  float *data = malloc(elements * sizeof(float));
  for (size_t i = 0; i < elements; i++) data[i] = (float)((i * (size_t)(kind + 3)) % 17) / 17;
  input->data[0] = data;
  return input;
}

static void free_tensors(tensors_struct *tensors) {
  for (size_t i = 0; i < tensors->num_tensors; i++) {
    free(tensors->names[i]);
    free(tensors->shapes[i]);
    free(tensors->data[i]);
  }
  free(tensors->names);
  free(tensors->data_types);
  free(tensors->ranks);
  free(tensors->shapes);
  free(tensors->data);
  free(tensors);
}

static size_t bytes_of(const tensors_struct *tensors) {
  size_t bytes = sizeof(float);
  for (size_t i = 0; i < tensors->ranks[0]; i++) bytes *= tensors->shapes[0][i];
  return bytes;
}

static tensors_struct *receive_one(void) {
  tensors_struct *output = NULL;
  while (receive(&output) != 0) CHECK(strstr(error_message(), "no output within") != NULL);
  return output;
}

// With the extension the inputs stay ours: one struct a kind, used any number of times at once.
struct shared_input {
  tensors_struct tensors;
  sem_t released;
};
static struct shared_input *shared[KINDS];

static struct shared_input *make_shared(int kind) {
  struct shared_input *input = calloc(1, sizeof *input);
  tensors_struct *tensors = make_input(kind);
  input->tensors = *tensors;
  free(tensors);
  sem_init(&input->released, 0, 0);
  return input;
}

static void free_shared(struct shared_input *input) {
  tensors_struct *tensors = malloc(sizeof *tensors);
  *tensors = input->tensors;
  free_tensors(tensors);
  free(input);
}

static int sem_post_of(void *argument) { return sem_post(argument); }

static int send_kind(int kind) {
  if (extension) return send(&shared[kind]->tensors);
  tensors_struct *input = make_input(kind);
  if (send(input) == 0) return 0;
  free_tensors(input);
  return 1;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void *sender(void *unused) {
  (void)unused;
  for (long i = 0; i < count; i++) {
    sem_wait(&slots);
    CHECK(send_kind((int)(i % KINDS)) == 0);
  }
  return NULL;
}

static void *receiver(void *unused) {
  (void)unused;
  for (long i = 0; i < count; i++) {
    tensors_struct *output = receive_one();
    CHECK(memcmp(output->data[0], answers[i % KINDS]->data[0], bytes_of(output)) == 0);
    free_tensors(output);
    sem_post(&slots);
  }
  return NULL;
}

// What a runtime must refuse, and must not free.
static void refuse_all(void) {
  CHECK(send(NULL) != 0);
  CHECK(receive(NULL) != 0);
  for (int fault = 0; fault < 12; fault++) {
    tensors_struct *input = make_input(0);
    tensors_struct kept = *input;
    char *name = input->names[0];
    size_t *sizes = input->shapes[0];
    void *data = input->data[0];
    char other[] = "no such input";
    if (fault == 0) input->names[0] = other;
    if (fault == 1) input->names[0] = NULL;
    if (fault == 2) input->names = NULL;
    if (fault == 3) input->data_types[0] = DATA_TYPE_INT64;
    if (fault == 4) input->data_types[0] = -7;
    if (fault == 5) input->ranks[0] = (size_t)1 << 40;
    if (fault == 6) input->shapes[0][rank - 1] += 1;
    if (fault == 7) input->shapes[0] = NULL;
    if (fault == 8) input->data[0] = NULL;
    if (fault == 9) input->data = NULL;
    if (fault == 10) input->num_tensors = 0;
    if (fault == 11) input->shapes[0][0] = (size_t)1 << 63;
    CHECK(send(input) != 0);
    *input = kept;
    input->names[0] = name;
    input->shapes[0] = sizes;
    input->data[0] = data;
    if (fault == 0) printf("refused: %s\n", error_message());
    free_tensors(input);
  }
}

static void *late_receiver(void *unused) {
  tensors_struct *output = NULL;
  (void)unused;
  while (receive(&output) == 0) free_tensors(output);
  return NULL;
}

static void *late_sender(void *sent) {
  while (send_kind(0) == 0) ++*(long *)sent;
  return NULL;
}

static void older(const char *ort, const char *model) {
  const char *keys[] = {"ort_library"};
  const void *values[] = {ort};
  void *first[KINDS] = {NULL};
  CHECK(initialize(1, keys, values) == 0);
  CHECK(load(model) == 0);
  for (long i = 0; i < KINDS + count; i++) {
    tensors_struct output, *input = make_input((int)(i % KINDS));
    memset(&output, 0, sizeof output);
    CHECK(execute(input, &output) == 0);
    const size_t bytes = bytes_of(&output);
    if (i < KINDS) {
      first[i] = malloc(bytes);
      memcpy(first[i], output.data[0], bytes);
    }
    CHECK(memcmp(output.data[0], first[i % KINDS], bytes) == 0);
    CHECK(cleanup() == 0);
    free_tensors(input);
  }
  CHECK(destroy() == 0);
  for (int k = 0; k < KINDS; k++) free(first[k]);
  printf("%ld right answers of the older interface\n", count);
}

int main(int argc, char **argv) {
  if (argc < 7) return 2;
  void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return fprintf(stderr, "%s\n", dlerror()), 2;
  *(void **)&initialize = dlsym(library, "runtime_initialization_with_args");
  *(void **)&load = dlsym(library, "runtime_model_loading");
  *(void **)&send = dlsym(library, "send_input");
  *(void **)&receive = dlsym(library, "receive_output");
  *(void **)&execute = dlsym(library, "runtime_inference_execution");
  *(void **)&cleanup = dlsym(library, "runtime_inference_cleanup");
  *(void **)&destroy = dlsym(library, "runtime_destruction");
  *(void **)&error_message = dlsym(library, "runtime_error_message");
  count = atol(argv[4]);
  int workers = atoi(argv[5]);
  unsigned depth = (unsigned)atoi(argv[6]);
  extension = argc > 7;
  input_name = getenv("STRESS_INPUT") ? getenv("STRESS_INPUT") : "image-";
  char *list = strdup(getenv("STRESS_SHAPE") ? getenv("STRESS_SHAPE") : "1,224,224,3");
  for (char *part = strtok(list, ","); part && rank < 8; part = strtok(NULL, ",")) {
    shape[rank] = strtoul(part, NULL, 10);
    elements *= shape[rank++];
  }
  free(list);
  if (execute != NULL) {
    older(argv[2], argv[3]);
    dlclose(library);
    return 0;
  }

  int version = 1, accepted = 0;
  sem_init(&slots, 0, depth);
  for (int k = 0; k < KINDS; k++) shared[k] = make_shared(k);
  static const int64_t offset = offsetof(struct shared_input, released);
  int (*release)(void *) = sem_post_of;
  const char *keys[] = {"ort_library",     "n_duplicates",           "queue_size",      "unknown", "xpu_hal.extension",
                        "xpu_hal.release", "xpu_hal.release_offset", "xpu_hal.accepted"};
  const char *queue_size = getenv("STRESS_QUEUE") ? getenv("STRESS_QUEUE") : "64";
  const int rounds = getenv("STRESS_ROUNDS") ? atoi(getenv("STRESS_ROUNDS")) : 5;
  const void *values[] = {argv[2], &workers, queue_size, "1", &version, *(void **)&release, &offset, &accepted};
  const int length = extension ? 8 : 4;

  CHECK(load(argv[3]) != 0);
  CHECK(initialize(length, keys, values) == 0);
  CHECK(initialize(length, keys, values) != 0);
  CHECK(accepted == extension);
  CHECK(load("no such file") != 0);
  CHECK(load(argv[3]) == 0);
  CHECK(load(argv[3]) != 0);
  refuse_all();

  for (int k = 0; k < KINDS; k++) {
    CHECK(send_kind(k) == 0);
    answers[k] = receive_one();
  }
  const double start = now();
  pthread_t threads[4];
  pthread_create(&threads[0], NULL, sender, NULL);
  pthread_create(&threads[1], NULL, receiver, NULL);
  pthread_join(threads[0], NULL);
  pthread_join(threads[1], NULL);
  printf("%ld right answers in order, %.0f a second\n", count, (double)count / (now() - start));

  // A full queue refuses, and a destruction with work in flight gives everything back.
  long sent = KINDS + count;
  for (int round = 0; round < rounds; round++) {
    while (send_kind((int)(sent % KINDS)) == 0) sent++;
    if (round == 0) printf("full: %s\n", error_message());
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, late_receiver, NULL);
    pthread_create(&threads[3], NULL, late_sender, &sent);
    CHECK(destroy() == 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    CHECK(send(NULL) != 0);
    CHECK(initialize(length, keys, values) == 0);
    CHECK(load(argv[3]) == 0);
  }
  CHECK(destroy() == 0);
  CHECK(destroy() == 0);

  long back = 0;
  for (int k = 0; k < KINDS; k++) {
    int value = 0;
    sem_getvalue(&shared[k]->released, &value);
    back += value;
    free_tensors(answers[k]);
    free_shared(shared[k]);
  }
  CHECK(back == (extension ? sent : 0));
  printf("%ld sent, %ld given back through the extension\n", sent, back);
  dlclose(library);
  return 0;
}
