#!/bin/sh
# Runs the native tests under AddressSanitizer with UndefinedBehaviorSanitizer, under ThreadSanitizer and, where it is
# there, under valgrind.   run.sh <ONNX Runtime library> <model with one float32 input> [input name] [input shape]
# ONNX Runtime itself is not instrumented, and loses one or two blocks however many inferences run: a count under
# "Suppressions used" that grows with the number of runs means values of ours that were not released.
# With SANITIZERS=no only valgrind runs.
set -eu
ort=$1 model=$2
export STRESS_INPUT="${3:-image-}" STRESS_SHAPE="${4:-1,224,224,3}"
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 'leak:libonnxruntime' > "$work/leaks"
node gather.mjs "$work/gather.onnx"

build() {
  common=$(ls ../reference/*.cc | grep -v -e /asynchronous -e /synchronous)
  flags="-g -O1 -fPIC -pthread -fvisibility=hidden -Wall -Wextra $1"
  for form in asynchronous synchronous; do
    c++ -std=c++17 -fno-gnu-unique $flags -shared $common ../reference/$form.cc -o "$work/$form.so" -ldl
  done
  cc $flags stress.c -o "$work/stress" -ldl
  cc $flags failures.c -o "$work/failures" -ldl
  cc -std=gnu11 $flags -shared ../faulty/asynchronous.c ../faulty/faults.c ../faulty/inference.c ../faulty/runtime.c \
    -o "$work/faulty.so"
  cc -std=gnu11 $flags faults.c -o "$work/faults" -ldl
}

run() {
  "$@" "$work/faults" "$work/faulty.so" "$work/switch"
  for form in asynchronous synchronous; do
    "$@" "$work/failures" "$work/$form.so" "$ort" "$work/gather.onnx"
  done
  for extension in '' extension; do
    "$@" "$work/stress" "$work/asynchronous.so" "$ort" "$model" "$count" 3 "$depth" $extension
  done
}

if [ "${SANITIZERS:-yes}" = yes ]; then
  echo '== AddressSanitizer, UndefinedBehaviorSanitizer'
  build '-fsanitize=address,undefined -fno-sanitize-recover=undefined'
  count=2000 depth=16 LSAN_OPTIONS="suppressions=$work/leaks:print_suppressions=1"
  export LSAN_OPTIONS
  run env
  echo '== ThreadSanitizer'
  build '-fsanitize=thread'
  count=2000 depth=16
  run env
fi
if command -v valgrind > /dev/null; then
  echo '== valgrind'
  build ''
  # Threads run one at a time there, some fifty times slower: what fills the queue counts, not what is asked for.
  count=8 depth=3
  export STRESS_QUEUE=4 STRESS_ROUNDS=1
  run valgrind -q --fair-sched=yes --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
    --suppressions=valgrind.supp --error-exitcode=9
fi
echo 'all passed'
