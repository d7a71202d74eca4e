#!/usr/bin/env bash
# Starts Debian's Slurm on this machine, runs an array of four tasks and the dependent job through
# configs/slurm/submit.sh, and compares with what one process writes. Needs root and the packages
# slurm-wlm and munge; ends with 77 (skipped) where they are missing.
#   slurm_test.sh [HANDFORGE_BINARY]
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
handforge=$(realpath "${1:-$root/build/handforge}")
skip() {
  echo "skipped: $*"
  exit 77
}
for program in slurmctld slurmd sbatch munged; do
  command -v "$program" >/dev/null || skip "$program is not installed (apt-get install slurm-wlm munge)"
done
((EUID == 0)) || skip "starting slurmctld and slurmd needs root"

work=$(mktemp -d /tmp/handforge_slurm.XXXXXX)
chmod 755 "$work"
pids=()
clean_up() {
  ((${#pids[@]})) && kill "${pids[@]}" 2>/dev/null
  wait 2>/dev/null
  rm -rf "$work"
}
trap clean_up EXIT
fail() {
  echo "FAILED: $*"
  tail -n 15 "$work"/*.log 2>/dev/null
  exit 1
}

# munge with a key, socket and log of its own: a running one is left alone.
mkdir -m 755 "$work/munge"
head -c 128 /dev/urandom >"$work/munge/key"
chmod 400 "$work/munge/key"
munged --foreground --force --key-file="$work/munge/key" --socket="$work/munge/socket" \
  --pid-file="$work/munge/pid" --seed-file="$work/munge/seed" --log-file="$work/munged.log" \
  >/dev/null 2>&1 &
pids+=($!)

host=$(hostname -s)
port=$((20000 + $$ % 20000))
cat >"$work/slurm.conf" <<TEXT
ClusterName=handforge
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SchedulerParameters=sched_interval=2
MpiDefault=none
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
TEXT
mkdir "$work/state" "$work/spool"
export SLURM_CONF=$work/slurm.conf
for ((i = 0; i < 50; ++i)); do
  [[ -S $work/munge/socket ]] && break
  sleep 0.1
done
slurmctld -D -c >/dev/null 2>&1 &
pids+=($!)
slurmd -D >/dev/null 2>&1 &
pids+=($!)
for ((i = 0; i < 60; ++i)); do
  [[ $(sinfo -h -o %T 2>/dev/null) == idle ]] && break
  sleep 0.5
done
[[ $(sinfo -h -o %T) == idle ]] || fail "the node does not become idle: $(sinfo 2>&1)"
echo "Slurm $(sinfo --version | cut -d' ' -f2) runs with $(nproc) processors"

cat >"$work/recipe.yaml" <<TEXT
render:
  image_px: 64
  rgb_px: 32
  tuples_per_shard: 16
  light: {lights: 16}
TEXT
count=200
"$handforge" render --config "$work/recipe.yaml" --count $count --out "$work/one" --threads 1 \
  --log-level error || fail "the run in one process"

cd "$root" || exit 1
export HANDFORGE=$handforge HANDFORGE_COMMAND=render
(cd "$root" && configs/slurm/submit.sh 4 $count "$work/array" "$work/recipe.yaml" \
  --cpus-per-task=1 --mem-per-cpu=0 --output="$work/job-%j.log") || fail "sbatch"
for ((i = 0; i < 600; ++i)); do
  [[ -z $(squeue -h) ]] && break
  sleep 0.5
done
grep -h '"ok"' "$work"/job-*.log
[[ -f $work/array/dataset.json ]] || fail "the dependent job wrote no dataset.json: $(squeue)"
tasks=$(grep -lh '"tuples_made"' "$work"/job-*.log | wc -l)
((tasks == 4)) || fail "$tasks tasks ran, expected 4"
diff -r "$work/one" "$work/array" || fail "the array's dataset differs from that of one process"
grep -qh '"faults":\[\]' "$work"/job-*.log || fail "verify found faults"
echo "ok: four array tasks and the dependent merge gave the dataset of one process, byte for byte"
