#!/usr/bin/env bash
# shellcheck disable=SC2317  # the small functions are called through `check`
# tools/ablation.sh with a handforge that trains nothing and measures known numbers.
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

# Error of a model: 20 mm + its seed, 5 less where unlabelled pictures are used. Fails at a folder
# that is named in $work/fails_at.
cat >"$work/handforge" <<'SCRIPT'
#!/usr/bin/env bash
work=$(dirname "$0")
printf '%s\n' "$*" >>"$work/calls"
while (($#)); do
  case $1 in --out) out=$2 ;; esac
  shift
done
[[ ! -f $work/fails_at || $out != "$(<"$work/fails_at")" ]] || exit 4
case $(tail -n 1 "$work/calls") in
  train*) touch "$out/model.safetensors" ;;
  eval*)
    seed=${out##*-seed}
    mm=$((20 + seed))
    case $out in */semi*) mm=$((mm - 5)) ;; esac
    printf 'name,protocol\nrgb->3d,spurr2018,21,9,%s,1,1,0.%s\nmean pose,spurr2018,21,9,75,1,1,0.1\n' \
      "$mm" "$seed" >"$out/eval.csv"
    ;;
esac
SCRIPT
chmod +x "$work/handforge"
mkdir "$work/data"
touch "$work/data/dataset.json"

# run ARGUMENT...: sets `output` and `status`.
run() {
  output=$(HANDFORGE=$work/handforge "$root/tools/ablation.sh" "$@" 2>&1 </dev/null)
  status=$?
}
ablate() {
  local mode=$1
  shift
  : >"$work/calls"
  run "$mode" --data "$work/data" --out "$work/out" "$@"
}
says() { grep -qF -- "$1" <<<"$output"; }
exited() { [[ $status == "$1" ]]; }
calls() { [[ $(grep -c "^$1" "$work/calls") == "$2" ]]; }
row() { grep -qE "^$1 +$2 ± +$3 " <<<"$output"; } # NAME MEAN DEVIATION

ablate semi --seeds 3
check "semi: done" exited 0
check "semi: nine rows of three seeds are trained" calls train 27
check "semi: mean and deviation, supervised" row '5 %, supervised' 22.00 1.00
check "semi: mean and deviation, unlabelled" row '5 %, the others unlabelled' 17.00 1.00
check "semi: the mean pose" row 'mean pose' 75.00 0.00
check "semi: labels are taken away" grep -q 'labelled_share=0.05' "$work/calls"
check "semi: by the model with the same labels" \
  grep -q "teachers=\[$work/out/supervised5-seed2/model.safetensors\].*--out $work/out/semi5-seed2\|\
--out $work/out/semi5-seed2.*teachers=\[$work/out/supervised5-seed2/model" "$work/calls"
check "semi: the table stays" grep -q 'supervised' "$work/out/semi.txt"
if command -v gnuplot >/dev/null; then
  check "semi: a curve" test -s "$work/out/semi.png"
fi

ablate semi --seeds 3
check "run again: nothing is trained" calls train 0
check "run again: the same table" row '5 %, supervised' 22.00 1.00

rm "$work/out/semi10-seed2/eval.csv"
ablate semi --seeds 3
check "one missing: one is trained" calls train 1
check "one missing: it goes on from its checkpoint" grep -q -- '--resume' "$work/calls"

ablate semi --seeds 3 --rounds 5
check "other settings: refused" exited 1
check "other settings: folder is named" says "supervised1-seed1 was made with other settings"

echo "$work/out/hs1-seed1" >"$work/fails_at"
ablate hs --seeds 1
check "a failing training ends it" exited 4
rm "$work/fails_at"
ablate hs --seeds 1
check "hs: goes on with what is missing" calls train 4
check "hs: side and scale are switched" grep -q 'side_input=2.*metric_scale=1' "$work/calls"
check "hs: a row" row 'H, S' 21.00 0.00

ablate variants --seeds 1
check "variants: five are trained" calls train 5
check "variants: RGB->3D is stepped equally often" \
  bash -c "[[ \$(grep -c 'rgb->3d\*2' '$work/calls') == 5 ]]"

run semi --seeds 0
check "bad number: is named" says "--seeds 0: expected a whole number"
run everything
check "unknown mode: is named" says "'everything'"
run
check "no mode: is said" says "variants, hs or semi"

exit $((failures > 0))
