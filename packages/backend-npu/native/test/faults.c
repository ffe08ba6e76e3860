// What tests rely on in the faulty runtime: threads that wait in a call leave it when another thread destroys the runtime,
// and a fault is on only while its switch is there.   faults <libFaultyRuntime.so> <path for a switch>
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../abi.h"

#define CHECK(condition)                                             \
  do {                                                               \
    if (condition) break;                                            \
    fprintf(stderr, "line %d: %s\n", __LINE__, #condition);          \
    abort();                                                         \
  } while (0)

static int (*initialize)(int, const char **, const void **);
static int (*load)(const char *);
static int (*send)(tensors_struct *);
static int (*receive)(tensors_struct **);
static int (*destroy)(void);
static sem_t entering;

static tensors_struct *make_input(void) {
  tensors_struct *input = malloc(sizeof *input);
  input->num_tensors = 1;
  input->names = malloc(sizeof(char *));
  input->names[0] = strdup("x");
  input->data_types = malloc(sizeof(int32_t));
  input->data_types[0] = DATA_TYPE_FLOAT;
  input->ranks = calloc(1, sizeof(size_t));
  input->shapes = calloc(1, sizeof(size_t *));
  input->data = malloc(sizeof(void *));
  input->data[0] = calloc(1, sizeof(float));
  return input;
}

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

static void open_with(int length, const char **keys, const void **values) {
  CHECK(initialize(length, keys, values) == 0);
  CHECK(load("any") == 0);
}

static int send_one(void) {
  tensors_struct *input = make_input();
  const int status = send(input);
  if (status != 0) free_tensors(input);
  return status;
}

static int receive_one(void) {
  tensors_struct *output = NULL;
  const int status = receive(&output);
  if (status == 0) free_tensors(output);
  return status;
}

static void *received(void *status) {
  sem_post(&entering);
  *(int *)status = receive_one();
  return NULL;
}

static void *sent(void *status) {
  sem_post(&entering);
  *(int *)status = send_one();
  return NULL;
}

// Whether the thread is in its call before the destruction or after it is for the machine to choose; it must end in both.
static void destroy_while(void *(*in_call)(void *)) {
  enum { THREADS = 4 };
  pthread_t threads[THREADS];
  int statuses[THREADS] = {0};
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, in_call, &statuses[i]);
  for (int i = 0; i < THREADS; i++) sem_wait(&entering);
  usleep(1000);
  CHECK(destroy() == 0);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    CHECK(statuses[i] != 0);
  }
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return fprintf(stderr, "%s\n", dlerror()), 2;
  *(void **)&initialize = dlsym(library, "runtime_initialization_with_args");
  *(void **)&load = dlsym(library, "runtime_model_loading");
  *(void **)&send = dlsym(library, "send_input");
  *(void **)&receive = dlsym(library, "receive_output");
  *(void **)&destroy = dlsym(library, "runtime_destruction");
  sem_init(&entering, 0, 0);

  const char *keys[] = {"fault", "buffers", "every", "switch"};
  const void *block[] = {"block", "2"}, *refuse[] = {"refuse", "0", "1", argv[2]}, *unknown[] = {"drop,sneeze"};
  for (int round = 0; round < 20; round++) {
    open_with(2, keys, block);
    destroy_while(received);
    open_with(2, keys, block);
    CHECK(send_one() == 0 && send_one() == 0);
    destroy_while(sent);
    open_with(2, keys, block);
    for (int i = 0; i < 10; i++) CHECK(send_one() == 0 && receive_one() == 0);
    CHECK(destroy() == 0);
  }
  open_with(4, keys, refuse);
  for (int on = 0; on < 2; on++) {
    FILE *file = on ? fopen(argv[2], "w") : NULL;
    CHECK((send_one() != 0) == on);
    if (file != NULL) fclose(file);
  }
  unlink(argv[2]);
  CHECK(send_one() == 0);
  CHECK(destroy() == 0);
  CHECK(initialize(1, keys, unknown) != 0);
  dlclose(library);
  printf("faults: as they should be\n");
  return 0;
}
