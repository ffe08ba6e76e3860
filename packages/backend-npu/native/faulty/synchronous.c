// The older form.
#include "faults.h"
#include "form.h"
#include "inference.h"

static tensors_struct *last_output;

int start(void) { return 0; }

void finish(void) { runtime_inference_cleanup(); }

int runtime_inference_execution(tensors_struct *input, tensors_struct *output) {
  if (strikes(HANG_SEND)) hang(HANG_SEND);
  if (strikes(REFUSE) || strikes(DROP) || !is_valid(input)) return 1;
  runtime_inference_cleanup();
  last_output = infer(input);
  *output = *last_output;
  return 0;
}

int runtime_inference_cleanup(void) {
  if (last_output != 0) free_tensors(last_output);
  last_output = 0;
  return 0;
}
