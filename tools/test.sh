#!/usr/bin/env bash
# Sets the machine up, builds everything and runs all tests.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/test.sh [--preset release|debug|asan|tsan] [--bench] [CTEST_ARGUMENT...]

Does the set-up (tools/setup.sh --tests), builds handforge with its tests and runs them. Anything
else on the command line goes to ctest, e.g. `tools/test.sh -R io/` for one folder's tests.

  --preset NAME  build preset (default: release, in build/; others in build-NAME/)
  --bench        build the benchmarks too
  --help         this text
TEXT
}

# shellcheck source=tools/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

preset=release
bench=OFF
ctest_arguments=()
while (($#)); do
  case $1 in
    --preset)
      (($# > 1)) || die "--preset needs a name: release, debug, asan or tsan"
      preset=$2
      shift
      ;;
    --preset=*) preset=${1#*=} ;;
    --bench) bench=ON ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) ctest_arguments+=("$1") ;;
  esac
  shift
done
case $preset in
  release | debug | asan | tsan) ;;
  *) die "unknown preset '$preset': release, debug, asan or tsan" ;;
esac

cd "$HANDFORGE_ROOT"
heading "Set-up"
tools/setup.sh --tests

heading "Build ($preset, with tests)"
configure "$preset" -DHANDFORGE_BUILD_TESTS=ON -DHANDFORGE_BUILD_BENCH="$bench" ||
  die "cmake could not configure the build (above)"
cmake --build --preset "$preset" -j "$(build_jobs)" || die "the build failed (above)"

# Every shard a test writes is synced, and a disk that others use makes them wait minutes for it:
# their files lie in memory where there is room and programs may run.
if [[ -z ${TMPDIR:-} && -w /dev/shm ]] && ! findmnt -no OPTIONS /dev/shm | grep -qw noexec &&
  (($(df --output=avail --block-size=1M /dev/shm | tail -n 1) >= 4096)); then
  TMPDIR=$(mktemp -d /dev/shm/handforge-tests.XXXXXX)
  export TMPDIR
  trap 'rm -rf "$TMPDIR"' EXIT
fi

heading "Tests"
ctest --preset "$preset" --output-on-failure -j 2 ${ctest_arguments[@]+"${ctest_arguments[@]}"}
