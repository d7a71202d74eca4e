#!/usr/bin/env bash
# Reads 1,000 mutated files of each foreign format (glTF, OpenEXR, HDF5) and says how they ended.
#   tests/fuzz/foreign_files.sh [COUNT=1000]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
ninja -C build fuzz_foreign_files_test >/dev/null
HANDFORGE_MUTATED_FILES=${1:-1000} build/tests/fuzz_foreign_files_test
