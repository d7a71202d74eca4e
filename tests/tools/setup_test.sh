#!/usr/bin/env bash
# shellcheck disable=SC2317  # the small functions are called through `check`
# tools/setup.sh --assets-only, with an npm that fails in chosen ways. Nothing is fetched.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

check() {
  local what=$1
  shift
  if "$@"; then
    printf 'ok      %s\n' "$what"
  else
    printf 'FAILED  %s\n%s\n' "$what" "${output:-}"
    failures=$((failures + 1))
  fi
}

# fake COMMAND SCRIPT_TEXT: what COMMAND is from now on.
fake() {
  mkdir -p "$work/bin"
  printf '#!/usr/bin/env bash\n%s\n' "$2" >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}
fake_npm() { fake npm "$1"; }
fake sleep ""  # no waiting between attempts

# run ARGUMENT...: sets `output` and `status`.
run() {
  output=$(PATH=$work/bin:$PATH HANDFORGE_ASSETS=$work/assets "$root/tools/setup.sh" "$@" \
    2>&1 </dev/null)
  status=$?
}

says() { grep -qF -- "$1" <<<"$output"; }
exited() { [[ $status == "$1" ]]; }
nothing_left() { [[ -z $(find "$work" -maxdepth 1 -name 'assets*' ! -name '*.lock') ]]; }

fake_npm 'echo "npm ERR! code ENOTFOUND" >&2; exit 1'
run --assets-only
check "no network: exit code" exited 1
check "no network: is said" says "no network"
check "no network: how to do without" says "HANDFORGE_TARBALLS"
check "no network: nothing half-done" nothing_left

fake_npm 'echo "npm ERR! code ENOSPC" >&2; exit 1'
run --assets-only
check "full disk: is said" says "no disk space left"

fake_npm 'echo not-the-package >webxr-input-profiles-assets-1.0.20.tgz'
run --assets-only
check "wrong hash: exit code" exited 1
check "wrong hash: file is named" says "webxr-input-profiles-assets-1.0.20.tgz"
check "wrong hash: expected one" says \
  "expected 30df2a2268220fc0d0e034bed1550aabdd7a2500573c5216f64fc70d59c3d91e"
check "wrong hash: found one" says \
  "found    $(echo not-the-package | sha256sum | cut -d' ' -f1)"
check "wrong hash: nothing half-done" nothing_left

mkdir "$work/tarballs"
echo not-the-package >"$work/tarballs/webxr-input-profiles-assets-1.0.20.tgz"
output=$(cd "$work" && HANDFORGE_ASSETS=assets HANDFORGE_TARBALLS=tarballs "$root/tools/setup.sh" \
  --assets-only 2>&1 </dev/null)
check "relative folders: the tarball is found" says \
  "found    $(echo not-the-package | sha256sum | cut -d' ' -f1)"
check "relative folders: nothing half-done" nothing_left

output=$(HANDFORGE_ASSETS=/proc/assets/handforge "$root/tools/setup.sh" --assets-only 2>&1)
status=$?
check "unwritable place: is said" says "cannot write to /proc/assets"

output=$(env -u HOME -u XDG_CACHE_HOME -u HANDFORGE_ASSETS "$root/tools/setup.sh" --assets-only 2>&1)
status=$?
check "no home: is said" says "neither HOME nor HANDFORGE_ASSETS is set"

run --nonsense
check "unknown option: is said" says "unknown option '--nonsense'"
check "unknown option: exit code" exited 1

# Packages, with a fake apt-get that writes down how it was called.
fake apt-get "printf '%s\\n' \"\$*\" >>'$work/apt.log'"
fake id "echo 0"
fake dpkg-query "printf 'installed %s\\n' cmake g++ git"
run --tests
check "packages: lists are updated first" grep -q ' update$' <(head -n 1 "$work/apt.log")
check "packages: missing ones are installed" grep -q -- \
  '--no-install-recommends .*libtorch-dev .*python3-h5py' "$work/apt.log"
check "packages: others are left alone" [ -z "$(grep -E ' (cmake|g\+\+|git)( |$)' "$work/apt.log")" ]
fake id "echo 1000"
fake sudo "exit 1"
run
check "packages without root: exit code" exited 1
check "packages without root: what to ask for" says "apt-get install --no-install-recommends ninja"
rm "$work/apt.log"
# shellcheck disable=SC2016
fake dpkg-query 'shift 3; printf "installed %s\n" "$@"'
run --tests
check "packages: nothing is installed twice" [ ! -e "$work/apt.log" ]
rm "$work/bin/"{apt-get,id,sudo,dpkg-query}

# What a killed set-up left behind is removed by the next one.
mkdir -p "$work/assets.tmp-999999999/package"
run --assets-only
check "leftovers are removed" nothing_left

# Files that are already there are found by their hashes, and nothing is fetched.
real=${HANDFORGE_ASSETS:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/handforge/assets}
if [[ -f $real/SHA256SUMS ]]; then
  cp -r "$real" "$work/assets"
  fake_npm 'echo called >&2; exit 1'
  run --assets-only
  check "complete assets: nothing is done" exited 0
  check "complete assets: nothing is said" [ -z "$output" ]

  echo "somebody's own" >"$work/assets/own.txt"
  echo damaged >>"$work/assets/hdri/sky.exr"
  run --assets-only
  check "damaged assets: are fetched again" says "fetching @webxr-input-profiles/assets@1.0.20"
  check "damaged assets: own files stay" [ -f "$work/assets/own.txt" ]
else
  printf 'skipped complete and damaged assets: none at %s\n' "$real"
fi

((failures == 0)) || printf '%d checks failed\n' "$failures"
exit $((failures > 0))
