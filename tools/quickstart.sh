#!/usr/bin/env bash
# From a fresh clone to a labelled dataset: set-up, build, synthesis, audit and report, with the
# default model or one trained here. Run again, it skips what is done and continues what was
# interrupted.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/quickstart.sh [--train] [--help]

Sets the machine up, builds build/handforge and runs the recipe configs/quickstart.yaml:
  synth   the dataset, by the default model        out/quickstart/
  verify  an audit of every tuple
  report  contact sheet and statistics             out/quickstart/report/

  --train  trains a small model of its own first, in some five minutes, and samples that:
  render   labelled, rendered tuples to learn from  out/quickstart_train/
  train    the cross-modal autoencoder              out/quickstart_model/
  synth    the dataset                              out/quickstart_trained/

Run again, it skips what is done and continues what was interrupted.
TEXT
}

# shellcheck source=tools/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

RECIPE=configs/quickstart.yaml
MODEL_FOLDER=out/quickstart_model
MODEL=configs/models/default.safetensors
DATASET=out/quickstart

case ${1:-} in
  "") ;;
  --train)
    MODEL=$MODEL_FOLDER/model.safetensors
    DATASET=out/quickstart_trained
    ;;
  --help | -h)
    usage
    exit 0
    ;;
  *)
    usage >&2
    die "unknown argument '$1'"
    ;;
esac

# step TITLE COMMAND...: the first command that fails ends the script.
step() {
  local title=$1 status=0
  shift
  heading "$title"
  "$@" || status=$?
  ((status == 0)) && return
  if ((status >= 128)); then
    printf '\nquickstart.sh: interrupted during "%s"; the same command continues it.\n' "$title" >&2
  else
    printf '\nquickstart.sh: "%s" failed with exit code %d; the reason stands above.\n%s\n' \
      "$title" "$status" "Once it is mended, the same command goes on from here." >&2
  fi
  exit "$status"
}

build() {
  # A finished configuration is kept: the build brings it up to date by itself where needed.
  if [[ ! -f build/build.ninja ]] || moved_build release; then
    configure release || return
  fi
  cmake --build --preset release --target handforge -j "$(build_jobs)"
}

train() {
  local resume=()
  if compgen -G "$MODEL_FOLDER/checkpoint*" >/dev/null; then resume=(--resume); fi
  build/handforge train --config "$RECIPE" "${resume[@]}"
}

cd "$HANDFORGE_ROOT"
[[ -f $MODEL ]] || MODEL=$MODEL_FOLDER/model.safetensors
step "Set-up" tools/setup.sh
step "Build" build
if [[ ! -f $MODEL ]]; then
  step "Rendering labelled tuples to learn from" build/handforge render --config "$RECIPE"
  step "Training" train
fi
step "Synthesis" build/handforge synth --config "$RECIPE" --model "$MODEL" --out "$DATASET"
step "Audit" build/handforge verify --config "$RECIPE" "$DATASET" --json
step "Report" build/handforge report --config "$RECIPE" "$DATASET"

heading "Done"
cat <<TEXT
dataset        $DATASET/ ($(find "$DATASET/shards" -name '*.h5' | wc -l) shards, described by io/FORMAT.md)
look at        $DATASET/report/contact.png
model          $MODEL

In Python:
  import h5py
  with h5py.File("$DATASET/shards/00000.h5") as shard:
      rgb, depth = shard["rgb"][0], shard["depth"][0] * 0.1          # uint8; millimetres
      joints_mm, joints_px = shard["joints_3d"][0], shard["joints_2d"][0]
      print(rgb.shape, depth.shape, joints_mm.shape, joints_px.shape, shard["visible"][0])

More of it: build/handforge synth --config $RECIPE --out out/more --count 5000 --seed 2
TEXT
