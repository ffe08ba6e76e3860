// A plain C host, to compare with: calls send_input and receive_output in a loop.
// host [--arg key=value | --int key=value]... <library> <model> <count> <in flight>
// The model has one float32 input: named by --input, `x` without; of the shape of --shape, such as 1,3,240,320.
// --warm-up: inferences before those that count, 20 without.
// Prints JSON: p50 of the time from send to receive in microseconds, and runs per second. Making and freeing the tensors
// is part of that time. The output is freed unread and uncopied: what receive_output gives belongs to the host already.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../abi.h"

enum { MAX_ARGUMENTS = 16, MAX_RANK = 8 };
static const double GIVE_UP_US = 10e6;

static int (*initialize)(int, const char **, const void **);
static int (*load_model)(const char *);
static int (*send_one)(tensors_struct *);
static int (*receive_one)(tensors_struct **);
static int (*destroy)(void);
static const char *(*error_message)(void);

static const char *input_name = "x";
static size_t shape[MAX_RANK] = {1}, rank = 1, elements = 1;
static float *pixels;

static void fail(const char *what, const char *why) {
  fprintf(stderr, "host: %s: %s\n", what, why);
  exit(1);
}

static double now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static tensors_struct *make_input(void) {
  tensors_struct *input = malloc(sizeof *input);
  input->num_tensors = 1;
  input->names = malloc(sizeof(char *));
  input->names[0] = strdup(input_name);
  input->data_types = malloc(sizeof(int32_t));
  input->data_types[0] = DATA_TYPE_FLOAT;
  input->ranks = malloc(sizeof(size_t));
  input->ranks[0] = rank;
  input->shapes = malloc(sizeof(size_t *));
  input->shapes[0] = malloc(sizeof shape);
  memcpy(input->shapes[0], shape, sizeof shape);
  input->data = malloc(sizeof(void *));
  input->data[0] = malloc(elements * sizeof(float));
  memcpy(input->data[0], pixels, elements * sizeof(float));
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

static void *symbol(void *library, const char *name) {
  void *found = dlsym(library, name);
  if (found == NULL) fail(name, dlerror());
  return found;
}

static void bind_library(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) fail(path, dlerror());
  *(void **)&initialize = symbol(library, "runtime_initialization_with_args");
  *(void **)&load_model = symbol(library, "runtime_model_loading");
  *(void **)&send_one = symbol(library, "send_input");
  *(void **)&receive_one = symbol(library, "receive_output");
  *(void **)&destroy = symbol(library, "runtime_destruction");
  *(void **)&error_message = symbol(library, "runtime_error_message");
}

static void parse_shape(char *text) {
  rank = 0;
  elements = 1;
  for (char *part = strtok(text, ","); part != NULL && rank < MAX_RANK; part = strtok(NULL, ",")) {
    shape[rank] = strtoul(part, NULL, 10);
    elements *= shape[rank++];
  }
}

static void receive(void) {
  tensors_struct *output = NULL;
  const double start = now_us();
  // A failed inference may never be answered.
  while (receive_one(&output) != 0) {
    if (now_us() - start > GIVE_UP_US) fail("receive_output", error_message());
  }
  free_tensors(output);
}

// Fills `latencies`, where it is not null, with the times of `count` runs. Returns the time of all.
static double run(long count, long in_flight, double *latencies) {
  double *sent = malloc((size_t)count * sizeof *sent);
  const double start = now_us();
  long received = 0;
  for (long i = 0; i < count; i++) {
    sent[i] = now_us();
    if (send_one(make_input()) != 0) fail("send_input", error_message());
    if (i + 1 < count && i + 1 - received < in_flight) continue;
    do {
      receive();
      if (latencies != NULL) latencies[received] = now_us() - sent[received];
      received++;
    } while (i + 1 == count && received < count);
  }
  free(sent);
  return now_us() - start;
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  const char *keys[MAX_ARGUMENTS];
  const void *values[MAX_ARGUMENTS];
  int numbers[MAX_ARGUMENTS], length = 0, next = 1;
  long warm_up = 20;
  for (; next + 1 < argc && strncmp(argv[next], "--", 2) == 0; next += 2) {
    char *value = argv[next + 1];
    if (strcmp(argv[next], "--input") == 0) {
      input_name = value;
    } else if (strcmp(argv[next], "--shape") == 0) {
      parse_shape(value);
    } else if (strcmp(argv[next], "--warm-up") == 0) {
      warm_up = atol(value);
    } else {
      char *equals = strchr(value, '=');
      if (equals == NULL || length == MAX_ARGUMENTS) fail(value, "not key=value, or too many");
      *equals = '\0';
      numbers[length] = atoi(equals + 1);
      keys[length] = value;
      values[length] = strcmp(argv[next], "--int") == 0 ? (const void *)&numbers[length] : equals + 1;
      length++;
    }
  }
  if (argc - next != 4) fail("usage", "host [options] <library> <model> <count> <in flight>");
  const long count = atol(argv[next + 2]), in_flight = atol(argv[next + 3]);
  if (count < 1 || in_flight < 1 || warm_up < 0) fail("usage", "count and in flight are at least 1");

  bind_library(argv[next]);
  pixels = malloc(elements * sizeof *pixels);
  for (size_t i = 0; i < elements; i++) pixels[i] = (float)(i % 97) / 97;
  if (initialize(length, keys, values) != 0) fail("runtime_initialization_with_args", error_message());
  if (load_model(argv[next + 1]) != 0) fail("runtime_model_loading", error_message());
  if (warm_up > 0) run(warm_up, in_flight, NULL);
  double *latencies = malloc((size_t)count * sizeof *latencies);
  const double total = run(count, in_flight, latencies);
  destroy();
  qsort(latencies, (size_t)count, sizeof *latencies, compare);
  printf("{\"p50Us\":%.1f,\"runsPerSecond\":%.1f}\n", latencies[count / 2], (double)count * 1e6 / total);
  free(latencies);
  free(pixels);
  return 0;
}
