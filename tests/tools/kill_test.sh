#!/usr/bin/env bash
# Kills a run at random moments (kill -9) and goes on with the same command until it completes; the
# dataset must equal that of a run nobody touched.
#   kill_test.sh [HANDFORGE_BINARY [KILLS [COMMAND RECIPE COUNT]]]
# Without a recipe: small rendered tuples.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
handforge=$(realpath "${1:-$root/build/handforge}")
kills=${2:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
command=${3:-render}
recipe=${4:-$work/recipe.yaml}
count=${5:-96}
if (($# < 4)); then
  cat >"$recipe" <<TEXT
render: {image_px: 64, rgb_px: 32, tuples_per_shard: 8, light: {lights: 16}}
TEXT
fi
cd "$root" || exit 1
run() {
  exec "$handforge" "$command" --config "$recipe" --count "$count" --threads 2 \
    --log-level error --out "$1"
}
fail() {
  echo "FAILED: $*"
  exit 1
}

begin=$(date +%s%N)
(run "$work/whole") || fail "the run that nobody touches"
whole_ms=$((($(date +%s%N) - begin) / 1000000))

# Each kill comes at a random moment of what a whole run takes; a run that completes before is
# started anew.
killed=0
completed=0
rounds=0
while ((killed < kills)); do
  ((++rounds < 20 * kills)) || fail "only $killed of $kills kills came in time"
  (run "$work/killed") &
  victim=$!
  sleep "$(awk -v s=$RANDOM -v t=$whole_ms 'BEGIN { printf "%.3f", s / 32768 * t / 1000 }')"
  kill -9 $victim 2>/dev/null
  wait $victim 2>/dev/null
  (($? == 137)) && ((++killed))
  if [[ -f $work/killed/dataset.json ]]; then
    diff -r "$work/whole" "$work/killed" || fail "after $killed kills the dataset differs"
    ((++completed))
    rm -rf "$work/killed"
  fi
done
(run "$work/killed") || fail "the same command after the last kill"
diff -r "$work/whole" "$work/killed" || fail "the dataset differs"
echo "ok: $killed kills, $((completed + 1)) datasets completed, all equal to the untouched one"
