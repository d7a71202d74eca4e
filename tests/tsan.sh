#!/usr/bin/env bash
# The pipeline under ThreadSanitizer.
#
#   tests/tsan.sh [TEST...]    tests by target name; default: those where threads meet
#
# oneTBB hands blocks from thread to thread by atomics inside its library, which the sanitizer sees
# only where that was compiled with it: so Debian's source of the installed version is built first
# (build-tsan/tbb; needs dpkg-dev, no root). Other libraries stay as they are: what they do among
# themselves is ignored, and so is Embree's building of hierarchies, whose waiting for its tasks is
# compiled into it, and what oneTBB itself orders by fences, which the sanitizer does not know (its
# workers' last look at whether a loop of OpenCV's was cancelled).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tests=("$@")
((${#tests[@]})) || tests=(synth_dataset_writer_test synth_synth_source_test synth_augment_source_test)

build=$PWD/build-tsan
tbb=$build/tbb
if [[ ! -e $tbb/built ]]; then
  version=$(dpkg-query -W -f '${source:Version}' libtbb12)
  rm -rf "$tbb"
  mkdir -p "$tbb/lists/partial" "$tbb/library"
  sed 's/^Types: deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$tbb/debian.sources"
  apt=(apt-get -q -o "Dir::Etc::sourcelist=$tbb/debian.sources" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$tbb/lists")
  "${apt[@]}" update
  (cd "$tbb" && "${apt[@]}" source "onetbb=$version")
  cmake -S "$tbb"/onetbb-*/ -B "$tbb/library" -G Ninja -DCMAKE_BUILD_TYPE=None \
    -DCMAKE_CXX_FLAGS='-O1 -g -fsanitize=thread' -DTBB_TEST=OFF -DTBB_STRICT=OFF -DTBBMALLOC_BUILD=OFF
  cmake --build "$tbb/library" --target tbb
  touch "$tbb/built"
fi

cmake --preset tsan -DHANDFORGE_BUILD_TESTS=ON
cmake --build "$build" --target "${tests[@]}"
library=$(dirname "$(find "$tbb/library" -name 'libtbb.so.12' | head -n 1)")
printf '%s\n' race:libembree race_top:^tbb::detail race:is_group_execution_cancelled >"$build/suppressions"
failed=0
for test in "${tests[@]}"; do
  LD_LIBRARY_PATH=$library TSAN_OPTIONS="ignore_noninstrumented_modules=1 suppressions=$build/suppressions" \
    "$build/tests/$test" || failed=1
done
exit "$failed"
