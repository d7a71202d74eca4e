#!/usr/bin/env bash
# Tables and curves of ablations: many small trainings, each measured, one table at the end. Run
# again, it skips what is done and continues what was interrupted.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/ablation.sh variants|hs|semi [--data DIR] [--out DIR] [--seeds N] [--rounds N]
                         [--seconds N] [--help]

  variants  which pairs of encoder and decoder are trained together, as in Spurr et al. 2018;
            RGB->3D is stepped equally often in every row
  hs        side of the hand (H) and scale (S) given or not, as in Spurr et al. 2018, beside this
            project's mirrored left hands
  semi      labels for 1, 5, 10, 25 and 100 % of the pictures, which have depth (RGB-D):
            supervised alone, and with the other pictures labelled by that model, which looks at
            their depth (train.teachers); equally many steps of every pair; curve with deviations
            in semi.png

  --data DIR    dataset to learn from and be measured on (default: out/quickstart_train of the
                checkout, rendered by configs/quickstart.yaml where it is not there)
  --out DIR     (default: out/ablation of the checkout)
  --seeds N     trainings per row (default: 3)
  --rounds N    rounds of the pairs in a training (default: 700)
  --seconds N   longest training (default: 230)

The networks are the quick ones at 64 px. All numbers: RGB->3D on held-out pictures, protocol
spurr2018 (visible joints of 21, root palm centre, true bone length but where scale is not given),
mean and deviation over seeds. Needs build/handforge (tools/quickstart.sh builds it), and gnuplot for
the curve. HANDFORGE names another program.
TEXT
}

# shellcheck source=tools/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

RECIPE=configs/quickstart.yaml
SHARES=(1 5 10 25 100) # labelled pictures, %
MEAN_MM=5 AUC=8        # columns of eval.csv
MODES=' variants hs semi '

data=
out=
seeds=3
rounds=700
seconds=230
mode=
while (($#)); do
  case $1 in
    --data | --out | --seeds | --rounds | --seconds)
      (($# > 1)) || die "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift
      ;;
    --help | -h)
      usage
      exit 0
      ;;
    *)
      [[ -z $mode && $MODES == *" $1 "* ]] || die "unexpected argument '$1'; see --help"
      mode=$1
      ;;
  esac
  shift
done
[[ -n $mode ]] || die "say which: variants, hs or semi; see --help"
for number in seeds rounds seconds; do
  [[ ${!number} =~ ^[1-9][0-9]*$ ]] || die "--$number ${!number}: expected a whole number from 1"
done
[[ -z $data || -f $data/dataset.json ]] || die "--data $data: no dataset (it has no dataset.json)"
default_data=$HANDFORGE_ROOT/out/quickstart_train
data=$(absolute "${data:-$default_data}")
out=$(absolute "${out:-$HANDFORGE_ROOT/out/ablation}")
handforge=$(absolute "${HANDFORGE:-$HANDFORGE_ROOT/build/handforge}")
cd "$HANDFORGE_ROOT"
[[ -x $handforge ]] || die "$handforge is not there; tools/quickstart.sh builds it"

# steps_of_round PAIR...: the sum of their weights
steps_of_round() {
  local pair sum=0
  for pair in "$@"; do sum=$((sum + ${pair##*\*})); done
  say "$sum"
}

# train_and_measure FOLDER SEED 'PAIR PAIR...' [KEY=VALUE...]; every pair with its *WEIGHT
train_and_measure() {
  local folder=$1 seed=$2 steps settings=() setting list
  local -a pairs
  read -ra pairs <<<"$3"
  shift 3
  steps=$((rounds * $(steps_of_round "${pairs[@]}")))
  list=$(printf ', "%s"' "${pairs[@]}")
  for setting in "data=[$data]" "steps=$steps" "pairs=[${list:2}]" "max_seconds=$seconds" \
    "eval_every=$((steps / 4 + 1))" checkpoint_every=500 eval_samples=64 precision=bfloat16 "$@"; do
    settings+=(--set "train.$setting")
  done
  if [[ -f $folder/settings.txt && $(<"$folder/settings.txt") != "${settings[*]}" ]]; then
    die "$folder was made with other settings; give another --out, or remove it"
  fi
  [[ -f $folder/eval.csv ]] && return
  mkdir -p "$folder"
  say "${settings[*]}" >"$folder/settings.txt"
  heading "$folder"
  "$handforge" train --config "$RECIPE" --out "$folder" --seed "$seed" --resume "${settings[@]}"
  "$handforge" eval --data "$data" --model "$folder/model.safetensors" --pairs 'rgb->3d' \
    --protocol spurr2018 --out "$folder" >/dev/null
}

# Mean and deviation over seeds of a column of eval.csv: statistic FOLDER_PREFIX ROW COLUMN
statistic() {
  local seed files=()
  for ((seed = 1; seed <= seeds; ++seed)); do files+=("$1-seed$seed/eval.csv"); done
  awk -F, -v row="$2" -v column="$3" '
    $1 == row { n++; sum += $column; squares += $column * $column }
    END { if (!n) exit 1
          m = sum / n; v = n > 1 ? (squares - n * m * m) / (n - 1) : 0
          printf "%.4f %.4f", m, sqrt(v > 0 ? v : 0) }' "${files[@]}" ||
    die "no row '$2' in ${files[*]}; remove those of an earlier version, and what is missing is made again"
}

# table_row NAME FOLDER_PREFIX [ROW_OF_CSV]
table_row() {
  local mm auc
  mm=$(statistic "$2" "${3:-rgb->3d}" $MEAN_MM)
  auc=$(statistic "$2" "${3:-rgb->3d}" $AUC)
  # shellcheck disable=SC2086
  printf '%-44s %8.2f ± %5.2f   %6.3f ± %5.3f\n' "$1" $mm $auc
}

table_head() { printf '%-44s %16s   %14s\n' "$1" 'EPE, mm' 'AUC 21-50'; }

# ---- Variants -----------------------------------------------------------------------------------

variants() {
  local -a names=("RGB->3D" "and 3D->3D" "and RGB->RGB" "and 3D->3D, RGB->RGB"
    "and 3D->3D, 2D->3D, RGB->RGB")
  local image='rgb->3d*2' pose='3d->3d*2' lift='2d->3d*2' paint='rgb->rgb*1'
  local -a pairs=("$image" "$image $pose" "$image $paint" "$image $pose $paint"
    "$image $pose $lift $paint")
  local i seed
  for i in "${!names[@]}"; do
    for ((seed = 1; seed <= seeds; ++seed)); do
      train_and_measure "$out/variant$i-seed$seed" "$seed" "${pairs[i]}"
    done
  done
  {
    table_head "trained pairs"
    for i in "${!names[@]}"; do table_row "${names[i]}" "$out/variant$i"; done
    table_row "mean pose" "$out/variant0" 'mean pose'
  } | tee "$out/variants.txt"
}

# ---- Side and scale -----------------------------------------------------------------------------

hs() {
  local -a names=("left hands mirrored, S" "H, S" "H" "S" "neither")
  local -a sides=(0 1 1 2 2) metric=(0 0 1 0 1)
  local i seed
  for i in "${!names[@]}"; do
    for ((seed = 1; seed <= seeds; ++seed)); do
      train_and_measure "$out/hs$i-seed$seed" "$seed" 'rgb->3d*2 3d->3d*2' \
        "model.side_input=${sides[i]}" "model.metric_scale=${metric[i]}"
    done
  done
  {
    table_head "given"
    for i in "${!names[@]}"; do table_row "${names[i]}" "$out/hs$i"; done
    table_row "mean pose" "$out/hs0" 'mean pose'
  } | tee "$out/hs.txt"
}

# ---- Semi-supervision ---------------------------------------------------------------------------

# Both rows of a share take the same steps of the same pairs and have the same labels. The second
# has the other pictures too, labelled by what the first one's model sees in their depth.
semi_training() { # KIND SHARE SEED
  local pictures=(keep_unlabelled=false)
  if [[ $1 == semi ]]; then
    pictures=(keep_unlabelled=true "teachers=[$out/supervised$2-seed$3/model.safetensors]")
  fi
  train_and_measure "$out/$1$2-seed$3" "$3" 'rgb->3d+2d*4 depth->3d+2d*1 3d->3d*1' \
    "labelled_share=$(awk "BEGIN { print $2 / 100 }")" "${pictures[@]}" \
    model.latent_dim=40 average_decay=0.995
}

semi_prefix() { # KIND SHARE; with all pictures labelled both kinds are one
  if [[ $2 == 100 ]]; then say "$out/supervised100"; else say "$out/$1$2"; fi
}

semi() {
  local share seed
  for share in "${SHARES[@]}"; do
    for ((seed = 1; seed <= seeds; ++seed)); do
      semi_training supervised "$share" "$seed"
      [[ $share == 100 ]] || semi_training semi "$share" "$seed"
    done
  done
  {
    table_head "labelled pictures"
    for share in "${SHARES[@]}"; do
      table_row "$share %, supervised" "$out/supervised$share"
      [[ $share == 100 ]] || table_row "$share %, the others unlabelled" "$out/semi$share"
    done
    table_row "mean pose" "$out/supervised100" 'mean pose'
  } | tee "$out/semi.txt"
  plot_semi
}

plot_semi() {
  local share kind
  for kind in supervised semi; do
    for share in "${SHARES[@]}"; do
      say "$share $(statistic "$(semi_prefix "$kind" "$share")" 'rgb->3d' $MEAN_MM)"
    done >"$out/$kind.dat"
  done
  if ! command -v gnuplot >/dev/null; then
    warn "gnuplot is not installed: no $out/semi.png"
    return
  fi
  gnuplot <<PLOT
set terminal pngcairo size 720, 560
set output '$out/semi.png'
set logscale x
set xrange [0.8:125]
set xtics (1, 5, 10, 25, 100)
set xlabel 'labelled pictures, %'
set ylabel 'RGB->3D, mean EPE in mm (spurr2018)'
set grid
plot '$out/supervised.dat' with yerrorlines linewidth 2 title 'supervised', \\
  '$out/semi.dat' with yerrorlines linewidth 2 title 'and the others unlabelled'
PLOT
  say "wrote $out/semi.png"
}

mkdir -p "$out"
[[ -f $data/dataset.json || $data != "$default_data" ]] || "$handforge" render --config "$RECIPE" --out "$data"
"$mode"
