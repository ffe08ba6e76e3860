// A runtime for tests that misbehaves on request. It takes any file for a model, and doubles its one float32 input.
//
// Arguments (char *):
//   fault       what goes wrong, one of the names below; default none
//   every       the fault strikes at each every-th occasion, from 1; default 3
//   service_ms  how long an inference takes, such as 2.5; default 0
//   output      name of the output; default y
//   queue_size  inferences that wait to be run, default 100
//
// Compile flags: OLD_ABI exports the synchronous form, NO_ARGS leaves runtime_initialization_with_args out,
// MISSING_SYMBOL leaves receive_output out.
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// The list of exports does not know the other name.
#ifdef MISSING_SYMBOL
#define receive_output misnamed_output
#endif

#include "../abi.h"

typedef enum fault {
  NONE,          // receive_output waits 200 ms for an output
  SLEEP,         // receive_output with nothing ready sleeps 100 ms, then fails; the worker polls its queue each 10 ms
  BLOCK,         // receive_output waits until there is an output, or the destruction
  DROP,          // each every-th inference gives no output
  REORDER,       // an output overtakes the one before it, wherever two are in flight
  REFUSE,        // each every-th send_input fails; the caller keeps the input
  FREE_REFUSED,  // the same, but the input is freed
  ABORT,         // each every-th inference aborts the process
  HANG_INIT,     // never returns
  HANG_LOAD,     // never returns
  HANG_SEND,     // each every-th call never returns; so does the execution of the old form
  HANG_RECEIVE,  // each every-th call never returns
  HANG_DESTROY,  // never returns
  // Each every-th output is malformed.
  NULL_NAME,
  NULL_DATA,
  ABSURD_RANK,
  ABSURD_SIZE,
  UNKNOWN_TYPE
} fault;

static const char *const FAULTS[] = {
    "none",      "sleep",     "block",     "drop",         "reorder",      "refuse",    "free_refused", "abort",       "hang_init",
    "hang_load", "hang_send", "hang_receive", "hang_destroy", "null_name", "null_data", "absurd_rank",  "absurd_size", "unknown_type"};
enum { FAULT_COUNT = sizeof FAULTS / sizeof FAULTS[0] };

static struct {
  fault fault;
  unsigned long every, service_us, queue_size;
  char output[64];
} settings;

// How often the occasion for the fault came. Guarded by `mutex`.
static unsigned long occasions;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void sleep_us(unsigned long us) {
  struct timespec time = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
  while (nanosleep(&time, &time) != 0 && errno == EINTR) continue;
}

static void hang(void) {
  for (;;) pause();
}

// Whether `which` is switched on and this is the every-th occasion.
static bool strikes(fault which) {
  if (settings.fault != which) return false;
  pthread_mutex_lock(&mutex);
  const bool now = ++occasions % settings.every == 0;
  pthread_mutex_unlock(&mutex);
  return now;
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

static size_t count_elements(const tensors_struct *tensors) {
  size_t count = 1;
  for (size_t i = 0; i < tensors->ranks[0]; i++) count *= tensors->shapes[0][i];
  return count;
}

static bool is_valid(const tensors_struct *input) {
  return input != NULL && input->num_tensors == 1 && input->data_types[0] == DATA_TYPE_FLOAT && input->ranks[0] <= 8;
}

static void spoil(tensors_struct *output) {
  if (strikes(NULL_NAME)) {
    free(output->names[0]);
    output->names[0] = NULL;
  }
  if (strikes(NULL_DATA)) {
    free(output->data[0]);
    output->data[0] = NULL;
  }
  if (strikes(ABSURD_RANK)) output->ranks[0] = (size_t)1 << 40;
  if (strikes(ABSURD_SIZE) && output->ranks[0] > 0) output->shapes[0][0] = (size_t)1 << 60;
  if (strikes(UNKNOWN_TYPE)) output->data_types[0] = 77;
}

// One inference. The input stays the caller's.
static tensors_struct *infer(const tensors_struct *input) {
  const size_t rank = input->ranks[0], count = count_elements(input);
  tensors_struct *output = malloc(sizeof *output);
  output->num_tensors = 1;
  output->names = malloc(sizeof(char *));
  output->names[0] = strdup(settings.output);
  output->data_types = malloc(sizeof(int32_t));
  output->data_types[0] = DATA_TYPE_FLOAT;
  output->ranks = malloc(sizeof(size_t));
  output->ranks[0] = rank;
  output->shapes = malloc(sizeof(size_t *));
  output->shapes[0] = malloc((rank + 1) * sizeof(size_t));
  if (rank > 0) memcpy(output->shapes[0], input->shapes[0], rank * sizeof(size_t));
  output->data = malloc(sizeof(void *));
  float *doubled = malloc(count * sizeof(float) + 1);
  const float *given = input->data[0];
  for (size_t i = 0; i < count; i++) doubled[i] = 2 * given[i];
  output->data[0] = doubled;
  if (settings.service_us > 0) sleep_us(settings.service_us);
  if (strikes(ABORT)) abort();
  spoil(output);
  return output;
}

#ifdef OLD_ABI

static tensors_struct *last_output;

static int start(void) { return 0; }

static void finish(void) { runtime_inference_cleanup(); }

int runtime_inference_execution(tensors_struct *input, tensors_struct *output) {
  if (strikes(HANG_SEND)) hang();
  if (strikes(REFUSE) || strikes(DROP) || !is_valid(input)) return 1;
  runtime_inference_cleanup();
  last_output = infer(input);
  *output = *last_output;
  return 0;
}

int runtime_inference_cleanup(void) {
  if (last_output != NULL) free_tensors(last_output);
  last_output = NULL;
  return 0;
}

#else

typedef struct job {
  tensors_struct *tensors;
  struct job *next;
} job;

typedef struct queue {
  job *first, **end;
  size_t length;
} queue;

static queue inputs, outputs;
static bool stopping, running;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_t worker;

static void push(queue *to, tensors_struct *tensors) {
  job *added = malloc(sizeof *added);
  *added = (job){tensors, NULL};
  if (to->first == NULL) to->end = &to->first;
  *to->end = added;
  to->end = &added->next;
  to->length++;
}

// Null: empty.
static tensors_struct *pop(queue *from) {
  job *first = from->first;
  if (first == NULL) return NULL;
  tensors_struct *tensors = first->tensors;
  from->first = first->next;
  from->length--;
  free(first);
  return tensors;
}

static struct timespec from_now(unsigned long ms) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  const unsigned long nanoseconds = (unsigned long)time.tv_nsec + ms % 1000 * 1000000;
  time.tv_sec += (time_t)(ms / 1000 + nanoseconds / 1000000000);
  time.tv_nsec = (long)(nanoseconds % 1000000000);
  return time;
}

// Waits for an input. Called and returns with the mutex held. Null: stopping.
static tensors_struct *await_input(void) {
  while (!stopping && inputs.length == 0) {
    if (settings.fault == SLEEP) {
      pthread_mutex_unlock(&mutex);
      sleep_us(10000);
      pthread_mutex_lock(&mutex);
    } else {
      pthread_cond_wait(&changed, &mutex);
    }
  }
  return stopping ? NULL : pop(&inputs);
}

// Runs one inference without the mutex, which is held before and after.
static tensors_struct *serve(tensors_struct *input) {
  pthread_mutex_unlock(&mutex);
  tensors_struct *output = infer(input);
  free_tensors(input);
  if (strikes(DROP)) {
    free_tensors(output);
    output = NULL;
  }
  pthread_mutex_lock(&mutex);
  return output;
}

static void *work(void *unused) {
  (void)unused;
  pthread_mutex_lock(&mutex);
  for (tensors_struct *input = await_input(); input != NULL; input = await_input()) {
    tensors_struct *output = serve(input);
    tensors_struct *next = settings.fault == REORDER ? pop(&inputs) : NULL;
    if (next != NULL) push(&outputs, serve(next));
    if (output != NULL) push(&outputs, output);
    pthread_cond_broadcast(&changed);
  }
  pthread_mutex_unlock(&mutex);
  return NULL;
}

static int start(void) {
  if (running) return 1;
  stopping = false;
  running = pthread_create(&worker, NULL, work, NULL) == 0;
  return running ? 0 : 1;
}

static void finish(void) {
  pthread_mutex_lock(&mutex);
  stopping = true;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
  if (running) pthread_join(worker, NULL);
  running = false;
  pthread_mutex_lock(&mutex);
  for (tensors_struct *left = pop(&inputs); left != NULL; left = pop(&inputs)) free_tensors(left);
  for (tensors_struct *left = pop(&outputs); left != NULL; left = pop(&outputs)) free_tensors(left);
  pthread_mutex_unlock(&mutex);
}

int send_input(tensors_struct *input) {
  if (strikes(HANG_SEND)) hang();
  if (!is_valid(input) || strikes(REFUSE)) return 1;
  if (strikes(FREE_REFUSED)) {
    free_tensors(input);
    return 1;
  }
  pthread_mutex_lock(&mutex);
  const bool room = running && !stopping && inputs.length < settings.queue_size;
  if (room) push(&inputs, input);
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
  return room ? 0 : 1;
}

int receive_output(tensors_struct **output) {
  if (strikes(HANG_RECEIVE)) hang();
  pthread_mutex_lock(&mutex);
  const struct timespec end = from_now(200);
  int waited = 0;
  while (settings.fault != SLEEP && !stopping && outputs.length == 0 && waited == 0) {
    waited = settings.fault == BLOCK ? pthread_cond_wait(&changed, &mutex)
                                     : pthread_cond_timedwait(&changed, &mutex, &end);
  }
  *output = pop(&outputs);
  pthread_mutex_unlock(&mutex);
  if (*output != NULL) return 0;
  if (settings.fault == SLEEP) sleep_us(100000);
  return 1;
}

#endif

static int initialize(int length, const char **keys, const void **values) {
  settings.fault = NONE;
  settings.every = 3;
  settings.service_us = 0;
  settings.queue_size = 100;
  strcpy(settings.output, "y");
  occasions = 0;
  for (int i = 0; i < length; i++) {
    const char *key = keys[i], *value = values[i];
    if (strcmp(key, "fault") == 0) {
      int named = 0;
      while (named < FAULT_COUNT && strcmp(FAULTS[named], value) != 0) named++;
      if (named == FAULT_COUNT) return 1;
      settings.fault = (fault)named;
    }
    if (strcmp(key, "every") == 0) settings.every = strtoul(value, NULL, 10);
    if (strcmp(key, "service_ms") == 0) settings.service_us = (unsigned long)(strtod(value, NULL) * 1000);
    if (strcmp(key, "queue_size") == 0) settings.queue_size = strtoul(value, NULL, 10);
    if (strcmp(key, "output") == 0) strncpy(settings.output, value, sizeof settings.output - 1);
  }
  if (settings.every == 0) settings.every = 1;
  if (settings.fault == HANG_INIT) hang();
  return 0;
}

int runtime_initialization(void) { return initialize(0, NULL, NULL); }

#ifndef NO_ARGS
int runtime_initialization_with_args(int length, const char **keys, const void **values) {
  return initialize(length, keys, values);
}
#endif

int runtime_model_loading(const char *file_path) {
  (void)file_path;
  if (settings.fault == HANG_LOAD) hang();
  return start();
}

int runtime_destruction(void) {
  if (settings.fault == HANG_DESTROY) hang();
  finish();
  return 0;
}

const char *runtime_error_message(void) { return "something went wrong; see the log"; }

const char *runtime_version(void) { return "0.1"; }

const char *runtime_name(void) { return "Faulty test runtime"; }
