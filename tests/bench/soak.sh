#!/usr/bin/env bash
# Writes many tuples and watches memory and rate: the resident set may grow by 1 MB per 10,000
# tuples at most after the first twentieth, and the last tenth must be as fast as the second (0.95).
#   soak.sh [synth|render] [TUPLES [HANDFORGE_ARGUMENT...]]     e.g. soak.sh 100000 --threads 2
#   soak.sh render 20000 --set render.image_px=64 --set render.rgb_px=64
# Runs build/handforge with configs/large.yaml (render: configs/quickstart.yaml).
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
command=synth
case ${1:-} in synth | render) command=$1 && shift ;; esac
recipe=configs/large.yaml
[[ $command == render ]] && recipe=configs/quickstart.yaml
tuples=${1:-100000}
shift || true
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
build/handforge "$command" --config "$recipe" --count "$tuples" --out "$out/d" \
  --set "$command.tuples_per_shard=256" --log-level warning "$@" &
child=$!
# Rows of "seconds tuples kilobytes".
begin=$(date +%s.%N)
while kill -0 $child 2>/dev/null; do
  rss=$(awk '/^VmRSS/ {print $2}' /proc/$child/status 2>/dev/null || true)
  shards=$({ find "$out/d/shards" -name '*.h5' ! -name '.*' 2>/dev/null || true; } | wc -l)
  [[ -n $rss ]] && echo "$(date +%s.%N) $((shards * 256)) $rss"
  sleep 1
done >"$out/log"
wait $child
awk -v begin="$begin" -v total="$tuples" '
  { t[NR] = $1 - begin; n[NR] = $2; kb[NR] = $3 }
  function when(share,   i) { for (i = 1; i <= NR; ++i) if (n[i] >= share * total) return t[i]; return t[NR] }
  END {
    for (i = 1; i <= NR; ++i) if (n[i] >= total / 20) {
      ++k; sx += n[i]; sy += kb[i]; sxx += n[i] * n[i]; sxy += n[i] * kb[i]
      if (kb[i] > most) most = kb[i]
    }
    slope = (k * sxy - sx * sy) / (k * sxx - sx * sx)
    second = when(0.2) - when(0.1); last = t[NR] - when(0.9)
    printf "%d tuples in %.0f s (%.1f/s): resident %.0f MB at most, slope %.3f MB per 10,000 tuples\n",
      total, t[NR], total / t[NR], most / 1024, slope * 10000 / 1024
    printf "rate of the last tenth / second tenth: %.2f\n", second / last
  }' "$out/log"
