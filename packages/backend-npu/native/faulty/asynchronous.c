// The current form: a queue of inputs, a worker, a queue of outputs.
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "faults.h"
#include "form.h"

// The list of exports does not know the other name.
#ifdef MISSING_SYMBOL
#define receive_output misnamed_output
#endif

#include "inference.h"

typedef struct job {
  tensors_struct *tensors;
  struct job *next;
} job;

typedef struct queue {
  job *first, **end;
  size_t length;
} queue;

// All guarded by `mutex`; `changed` tells of any change.
static queue inputs, outputs;
static unsigned long in_use;   // buffers: inputs that were taken and whose output was neither received nor dropped
static unsigned long waiting;  // threads that wait in a call
static bool stopping, running;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
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
    if (is_on(SLEEP)) {
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
  const bool dropped = strikes(DROP);
  if (dropped) free_tensors(output);
  pthread_mutex_lock(&mutex);
  if (!dropped) return output;
  in_use--;
  return NULL;
}

static void *work(void *unused) {
  (void)unused;
  pthread_mutex_lock(&mutex);
  for (tensors_struct *input = await_input(); input != NULL; input = await_input()) {
    tensors_struct *output = serve(input);
    tensors_struct *next = is_on(REORDER) ? pop(&inputs) : NULL;
    tensors_struct *overtaking = next != NULL ? serve(next) : NULL;
    if (overtaking != NULL) push(&outputs, overtaking);
    if (output != NULL) push(&outputs, output);
    pthread_cond_broadcast(&changed);
  }
  pthread_mutex_unlock(&mutex);
  return NULL;
}

int start(void) {
  pthread_mutex_lock(&mutex);
  const bool started = !running && pthread_create(&worker, NULL, work, NULL) == 0;
  if (started) {
    running = true;
    stopping = false;
    in_use = 0;
  }
  pthread_mutex_unlock(&mutex);
  return started ? 0 : 1;
}

static void discard(queue *all) {
  for (tensors_struct *left = pop(all); left != NULL; left = pop(all)) free_tensors(left);
}

void finish(void) {
  pthread_mutex_lock(&mutex);
  const bool was_running = running;
  stopping = true;
  pthread_cond_broadcast(&changed);
  while (waiting > 0) pthread_cond_wait(&changed, &mutex);
  pthread_mutex_unlock(&mutex);
  if (was_running) pthread_join(worker, NULL);
  pthread_mutex_lock(&mutex);
  running = false;
  discard(&inputs);
  discard(&outputs);
  pthread_mutex_unlock(&mutex);
}

// With the mutex held. False: nothing changed until `end`; null waits for ever.
static bool wait_for_change(const struct timespec *end) {
  waiting++;
  const int status = end == NULL ? pthread_cond_wait(&changed, &mutex) : pthread_cond_timedwait(&changed, &mutex, end);
  waiting--;
  if (stopping) pthread_cond_broadcast(&changed);
  return status == 0;
}

int send_input(tensors_struct *input) {
  if (strikes(HANG_SEND)) hang(HANG_SEND);
  if (!is_valid(input) || strikes(REFUSE)) return 1;
  if (strikes(FREE_REFUSED)) {
    free_tensors(input);
    return 1;
  }
  pthread_mutex_lock(&mutex);
  while (running && !stopping && settings.buffers > 0 && in_use >= settings.buffers) wait_for_change(NULL);
  const bool room = running && !stopping && inputs.length < settings.queue_size;
  if (room) {
    in_use++;
    push(&inputs, input);
    pthread_cond_broadcast(&changed);
  }
  pthread_mutex_unlock(&mutex);
  return room ? 0 : 1;
}

int receive_output(tensors_struct **output) {
  if (strikes(HANG_RECEIVE)) hang(HANG_RECEIVE);
  const bool sleeps = is_on(SLEEP), blocks = is_on(BLOCK);
  const struct timespec end = from_now(200);
  pthread_mutex_lock(&mutex);
  bool changes = !sleeps;
  while (changes && !stopping && outputs.length == 0) changes = wait_for_change(blocks ? NULL : &end);
  *output = pop(&outputs);
  if (*output != NULL) {
    in_use--;
    pthread_cond_broadcast(&changed);
  }
  pthread_mutex_unlock(&mutex);
  if (*output != NULL) return 0;
  if (sleeps) sleep_us(100000);
  return 1;
}
