#!/usr/bin/env bash
# Writes a dataset with an array of Slurm tasks, then joins and audits it.
#   configs/slurm/submit.sh TASKS COUNT OUT [RECIPE [SBATCH_OPTION...]]
# e.g. 100 tasks that make a million tuples, on one partition:
#   configs/slurm/submit.sh 100 1000000 /shared/hands configs/large.yaml --partition=cpu
# Run it from the repository's root; all nodes must see this folder and OUT. HANDFORGE_COMMAND is
# synth (default) or render. Submitted again after failures, it repeats only what is missing.
set -euo pipefail
if (($# < 3)); then
  sed -n '2,7s/^# \{0,1\}//p' "$0"
  exit 2
fi
tasks=$1
export HANDFORGE_COUNT=$2 HANDFORGE_OUT=$3 HANDFORGE_RECIPE=${4:-configs/large.yaml}
shift $(($# < 4 ? $# : 4))
program=$PWD/build/handforge # of a checkout; else the one that is installed
[[ -x $program ]] || program=$(command -v handforge || printf '%s' "$program")
export HANDFORGE=${HANDFORGE:-$program} HANDFORGE_COMMAND=${HANDFORGE_COMMAND:-synth}

here=$(dirname "${BASH_SOURCE[0]}")
array=$(sbatch --parsable --array="0-$((tasks - 1))" "$@" "$here/array.sbatch")
finish=$(sbatch --parsable --dependency="afterok:$array" --kill-on-invalid-dep=yes "$@" \
  "$here/finish.sbatch")
echo "tasks $array, then $finish (merge and verify)"
