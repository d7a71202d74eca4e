#!/usr/bin/env bash
# Fuzzes every parser of our own in process (libFuzzer, AddressSanitizer, UndefinedBehaviorSanitizer).
#   tests/fuzz/run.sh [RUNS=1000000] [TARGET ...]
# Needs clang and its libFuzzer runtime (Debian: clang, libclang-rt-14-dev). Ends with the number of
# inputs per target; a fault leaves its input in build-fuzz/faults/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
runs=${1:-1000000}
(($# > 0)) && shift
targets=("$@")
if ((${#targets[@]} == 0)); then
  for corpus in tests/fuzz/corpus/*/; do targets+=("$(basename "$corpus")"); done
fi

cmake --preset fuzz >/dev/null
ninja -C build-fuzz "${targets[@]/#/fuzz_}"
mkdir -p build-fuzz/faults
# Short stacks and a small quarantine: three times the inputs in the same time.
export ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=8:malloc_context_size=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
failed=0
for target in "${targets[@]}"; do
  found=build-fuzz/corpus/$target
  mkdir -p "$found"
  log=build-fuzz/$target.log
  # 1 GiB in all, 64 MiB at once and 25 s an input: none of these files may need more.
  if "build-fuzz/tests/fuzz_$target" -runs="$runs" -max_len=2048 -rss_limit_mb=1024 \
      -malloc_limit_mb=64 -timeout=25 -seed=1 -print_final_stats=1 \
      -artifact_prefix="build-fuzz/faults/$target-" \
      "$found" "tests/fuzz/corpus/$target" >"$log" 2>&1; then
    echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, no fault"
  else
    echo "$target: FAULT, see $log"
    failed=1
  fi
done
exit $failed
