# Shared by the scripts of this folder; sourced, never run.
# shellcheck shell=bash

HANDFORGE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Folders are named from where the caller stands, and the scripts walk about.
for variable in HANDFORGE_ASSETS HANDFORGE_TARBALLS; do
  folder=${!variable:-}
  [[ -z $folder || $folder == /* ]] || export "$variable=$PWD/$folder"
done
unset variable folder

# The path of FILE, named from where the caller stands.
absolute() { if [[ $1 == /* ]]; then say "$1"; else say "$PWD/$1"; fi; }

say() { printf '%s\n' "$*"; }
heading() { printf '\n== [%4d s] %s\n' "$SECONDS" "$*"; }
warn() { printf '%s: warning: %s\n' "${0##*/}" "$*" >&2; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Compilers that may run at once: one per processor, as far as memory allows (a file that includes
# LibTorch takes about 1.5 GB). HANDFORGE_BUILD_JOBS overrides it.
build_jobs() {
  local processors memory_kb by_memory
  processors=$(nproc)
  memory_kb=$(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo 2>/dev/null)
  by_memory=$((${memory_kb:-4000000} / 1500000))
  ((by_memory < 1)) && by_memory=1
  say "${HANDFORGE_BUILD_JOBS:-$((processors < by_memory ? processors : by_memory))}"
}

build_folder() {
  if [[ $1 == release ]]; then say "$HANDFORGE_ROOT/build"; else say "$HANDFORGE_ROOT/build-$1"; fi
}

# Whether the build folder of PRESET was made for another place (a moved or copied checkout).
moved_build() {
  local cache
  cache=$(build_folder "$1")/CMakeCache.txt
  [[ -f $cache ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$HANDFORGE_ROOT" "$cache"
}

# configure PRESET [CMAKE_ARGUMENT...]
configure() {
  local preset=$1 fresh=()
  shift
  if moved_build "$preset"; then
    warn "$(build_folder "$preset") was made for another place; configuring it anew"
    fresh=(--fresh)
  fi
  cmake --preset "$preset" "${fresh[@]}" "$@"
}
