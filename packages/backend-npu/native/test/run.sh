#!/bin/sh
# Runs the native tests in every form of the interface: as they are, under AddressSanitizer with
# UndefinedBehaviorSanitizer, under ThreadSanitizer and under valgrind.
#   run.sh <ONNX Runtime library> [model with one float32 input, input name, input shape]
# Without a model a small one is made. CHECKS names some of "plain address thread valgrind", COUNT the inferences of each
# form where other than 2000 (8 under valgrind) are wanted.
# ONNX Runtime itself is not instrumented, and loses one or two blocks however many inferences run: a count under
# "Suppressions used" that grows with the number of runs means values of ours that were not released.
set -eu
ort=$1 model=${2:-}
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 'leak:libonnxruntime' > "$work/leaks"
node models.mjs "$work/gather.onnx" "$work/square.onnx"
if [ -n "$model" ]; then
  export STRESS_INPUT="${3:-image-}" STRESS_SHAPE="${4:-1,224,224,3}"
else
  model="$work/square.onnx"
  export STRESS_INPUT=x STRESS_SHAPE=1,64
fi

build() {
  common=$(ls ../reference/*.cc | grep -v -e /asynchronous -e /synchronous)
  flags="-g -O1 -fPIC -pthread -fvisibility=hidden -Wall -Wextra $1"
  # Two at a time: the compiler takes most of a short run.
  for form in asynchronous synchronous; do
    "${CXX:-c++}" -std=c++17 -fno-gnu-unique $flags -shared $common ../reference/$form.cc -o "$work/$form.so" -ldl &
    eval "$form=\$!"
  done
  wait "$asynchronous"
  wait "$synchronous"
  for program in stress failures faults; do
    "${CC:-cc}" -std=gnu11 $flags $program.c -o "$work/$program" -ldl
  done
  "${CC:-cc}" -std=gnu11 $flags -shared ../faulty/asynchronous.c ../faulty/faults.c ../faulty/inference.c \
    ../faulty/runtime.c -o "$work/faulty.so"
}

# <inferences> <in flight> <rounds of failures> <command to run under>
run() {
  count=${COUNT:-$1} depth=$2 rounds=$3
  shift 3
  "$@" "$work/faults" "$work/faulty.so" "$work/switch"
  for form in asynchronous synchronous; do
    "$@" "$work/failures" "$work/$form.so" "$ort" "$work/gather.onnx" "$rounds"
    "$@" "$work/stress" "$work/$form.so" "$ort" "$model" "$count" 3 "$depth"
  done
  "$@" "$work/stress" "$work/asynchronous.so" "$ort" "$model" "$count" 3 "$depth" extension
}

for check in ${CHECKS:-plain address thread valgrind}; do
  echo "== $check"
  case $check in
  plain)
    build ''
    run 2000 16 50 env
    ;;
  address)
    build '-fsanitize=address,undefined -fno-sanitize-recover=undefined'
    run 2000 16 50 env LSAN_OPTIONS="suppressions=$work/leaks:print_suppressions=1"
    ;;
  thread)
    build '-fsanitize=thread'
    run 2000 16 50 env
    ;;
  valgrind)
    build ''
    # Threads run one at a time there, some fifty times slower: what fills the queue counts, not what is asked for.
    run 8 3 1 env STRESS_QUEUE=4 STRESS_ROUNDS=1 valgrind -q --fair-sched=yes --leak-check=full \
      --show-leak-kinds=definite --errors-for-leak-kinds=definite --suppressions=valgrind.supp --error-exitcode=9
    ;;
  *) echo "no check '$check'" >&2 && exit 2 ;;
  esac
done
echo 'all passed'
