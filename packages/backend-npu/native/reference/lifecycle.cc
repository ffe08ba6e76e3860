// The functions that both forms of the interface have, but for what touches inferences.
#include <cstdlib>

#include "failure.h"
#include "instance.h"

namespace {

// ONNX Runtime's telemetry writes files and sends them, and begins with CreateEnv, so DisableTelemetryEvents comes too late
// (seen in 1.30). As the library is loaded, because getenv on another thread must not meet a change: a host may load it
// before it has threads.
__attribute__((constructor)) void switch_telemetry_off() { setenv("ORT_DISABLE_TELEMETRY", "1", 0); }

}  // namespace

int runtime_initialization(void) { return runtime_initialization_with_args(0, nullptr, nullptr); }

const char *runtime_error_message(void) { return last_failure(); }

const char *runtime_version(void) { return "1.0.0"; }

const char *runtime_name(void) { return "XPU HAL reference runtime"; }
