#!/usr/bin/env bash
# A disk that fills up in the middle of a run, one that is too small from the start, and one that is
# read-only: each a clear error and exit code 4, nothing lost, and complete when run again.
#   full_disk_test.sh [HANDFORGE_BINARY]
# Needs the right to mount a tmpfs; ends with 77 (skipped) without.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
handforge=$(realpath "${1:-$root/build/handforge}")
work=$(mktemp -d)
disk=$work/disk
mkdir "$disk"
clean_up() {
  mountpoint -q "$disk" && umount "$disk"
  rm -rf "$work"
}
trap clean_up EXIT
mount -t tmpfs -o size=2m none "$disk" 2>/dev/null || {
  echo "skipped: no right to mount a tmpfs"
  exit 77
}
fail() {
  echo "FAILED: $*"
  cat "$work/log"
  exit 1
}
cat >"$work/recipe.yaml" <<TEXT
render: {image_px: 64, rgb_px: 32, tuples_per_shard: 8, light: {lights: 16}}
TEXT
cd "$root" || exit 1
render() {
  "$handforge" render --config "$work/recipe.yaml" --count "$1" --threads 1 --out "$2" 2>"$work/log"
}
render 96 "$work/whole" || fail "the run on a large disk"

# Filled in the middle by somebody else.
render 96 "$disk/d" &
child=$!
until [[ -f $disk/d/shards/00001.h5 ]]; do kill -0 $child 2>/dev/null || fail "ended early"; done
dd if=/dev/zero of="$disk/filler" bs=4k 2>/dev/null
wait $child
(($? == 4)) || fail "full disk: exit code is not 4"
grep -q "No space left on device" "$work/log" || fail "full disk: the reason is not said"
[[ ! -f $disk/d/dataset.json ]] || fail "full disk: a manifest was written"
[[ -z $(find "$disk/d" -name '.*tmp*') ]] || fail "full disk: temporary files were left"
for shard in "$disk"/d/shards/*.h5; do
  cmp "$shard" "$work/whole/shards/$(basename "$shard")" || fail "full disk: a shard is not whole"
done
kept=$(find "$disk/d/shards" -name '*.h5' | wc -l)
rm "$disk/filler"
render 96 "$disk/d" || fail "the same command on a disk with room"
diff -r "$work/whole" "$disk/d" || fail "the dataset differs"

# Too small from the start.
render 5000 "$disk/large"
(($? == 4)) || fail "small disk: exit code is not 4"
grep -q "but the disk has" "$work/log" || fail "small disk: is not said"

# A video, whose encoder says nothing of a full disk: whole or not there.
umount "$disk"
walk() {
  "$handforge" walk --samples 4 --threads 1 --set walk.frames_per_leg=12 --out "$1" 2>"$work/log"
}
walk "$work/walk" || fail "the walk on a large disk"
cut_short=0
for room in 160 240 280 320; do
  mount -t tmpfs -o "size=${room}k" none "$disk"
  if walk "$disk/walk"; then
    cmp "$work/walk/walk.mp4" "$disk/walk/walk.mp4" || fail "$room KiB: half a video"
  else
    [[ ! -e $disk/walk/walk.mp4 ]] || fail "$room KiB: half a video was left"
    [[ -z $(find "$disk" -name '.*tmp*') ]] || fail "$room KiB: temporary files were left"
    cut_short=$((cut_short + 1))
  fi
  umount "$disk"
done
((cut_short > 0)) || fail "no disk was too small for the video"
mount -t tmpfs -o size=2m none "$disk"

# Read-only.
mount -o remount,ro "$disk"
render 96 "$disk/new"
(($? == 4)) || fail "read-only disk: exit code is not 4"
grep -q "Read-only file system" "$work/log" || fail "read-only disk: is not said"
echo "ok: full in the middle ($kept of 12 shards kept), too small, read-only"
