// The functions that both forms of the interface have, but for what touches inferences.
#include "failure.h"
#include "instance.h"

int runtime_initialization(void) { return runtime_initialization_with_args(0, nullptr, nullptr); }

const char *runtime_error_message(void) { return last_failure(); }

const char *runtime_version(void) { return "1.0.0"; }

const char *runtime_name(void) { return "XPU HAL reference runtime"; }
