// A runtime for tests that misbehaves on request. It takes any file for a model, and doubles its one float32 input.
//
// Arguments (char *):
//   fault       what goes wrong: names of faults.h in small letters, parted by commas; default none
//   switch      path of a file: the faults are on only while it is there, looked up at each occasion
//   every       a fault strikes at each every-th occasion, from 1; default 3
//   service_ms  how long an inference takes, such as 2.5; default 0
//   output      name of the output; default y
//   answer      path of a file: while it is there, each output is what inference.c reads in it
//   queue_size  inferences that wait to be run before send_input refuses, default 100
//   buffers     send_input blocks while that many outputs are due or not received; default 0: no limit
//
// Compiled with synchronous.c or asynchronous.c for the form of the interface. NO_ARGS leaves
// runtime_initialization_with_args out, MISSING_SYMBOL leaves receive_output out.
#include "../abi.h"
#include "faults.h"
#include "form.h"

static int initialize(int length, const char **keys, const void **values) {
  if (!configure(length, keys, values)) return 1;
  if (is_on(HANG_INIT)) hang(HANG_INIT);
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
  if (is_on(HANG_LOAD)) hang(HANG_LOAD);
  return start();
}

int runtime_destruction(void) {
  if (is_on(HANG_DESTROY)) hang(HANG_DESTROY);
  finish();
  return 0;
}

const char *runtime_error_message(void) { return "something went wrong; see the log"; }

const char *runtime_version(void) { return "0.1"; }

const char *runtime_name(void) { return "Faulty test runtime"; }
