// What goes wrong, and when.
#ifndef FAULTY_FAULTS_H
#define FAULTY_FAULTS_H

#include <stdbool.h>

typedef enum fault {
  NONE,
  // How the runtime waits. Without any of these, receive_output waits 200 ms for an output.
  SLEEP,    // receive_output with nothing ready sleeps 100 ms, then fails; the worker polls its queue each 10 ms
  BLOCK,    // receive_output waits until there is an output, or the destruction
  REORDER,  // an output overtakes the one before it, wherever two are in flight
  // At each every-th inference.
  DROP,   // it gives no output; the execution of the older form fails
  ABORT,  // abort()
  CRASH,  // a null pointer is written to
  EXIT,   // exit(3)
  // At each every-th call of send_input; so does the execution of the older form.
  REFUSE,        // it fails; the caller keeps the input
  FREE_REFUSED,  // the same, but the input is freed; not in the older form
  // Never returns.
  HANG_INIT,
  HANG_LOAD,
  HANG_SEND,     // each every-th call; so does the execution of the older form
  HANG_RECEIVE,  // each every-th call
  HANG_EXECUTE,  // each every-th inference: the destruction then hangs as well
  HANG_DESTROY,
  // Each every-th output is malformed.
  NULL_NAME,
  NULL_DATA,
  ABSURD_RANK,
  ABSURD_SIZE,
  UNKNOWN_TYPE,
  FAULT_COUNT
} fault;

typedef struct settings {
  bool faults[FAULT_COUNT];
  unsigned long every, service_us, queue_size;
  unsigned long buffers;  // 0: no limit
  char output[64];
  char answer[4096];       // empty: none
  char switch_file[4096];  // empty: the faults are always on
} settings_t;

extern settings_t settings;

// False: an argument that is not understood.
bool configure(int length, const char **keys, const void **values);

bool is_on(fault which);

// Whether it is on and this is the every-th occasion for it. Thread-safe.
bool strikes(fault which);

// Returns when a switch was given and the fault is lifted, else never.
void hang(fault which);

void sleep_us(unsigned long us);

#endif
