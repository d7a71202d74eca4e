#!/usr/bin/env bash
# What `cmake --install` leaves is a whole package: a program of its own is built against it from
# the installed files alone, and the installed commands run.
# usage: install_test.sh BUILD_FOLDER
set -euo pipefail
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  printf 'install_test.sh: %s\n' "$1" >&2
  exit 1
}

cmake --install "$build" --prefix "$work/prefix" >"$work/install.log" ||
  fail "cmake --install failed: $(tail -5 "$work/install.log")"
"$work/prefix/bin/handforge" --version | grep -q '^handforge ' || fail "the command does not run"

mkdir "$work/user"
cp "$work/prefix/share/handforge/example.cc" "$work/user/"
cat >"$work/user/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES C CXX)
set(CMAKE_CXX_STANDARD 14) # the library asks for what it needs
find_package(handforge 0.1 REQUIRED)
add_executable(user example.cc)
target_link_libraries(user PRIVATE handforge::handforge_vae)
CMAKE
cmake -S "$work/user" -B "$work/user/build" -DCMAKE_PREFIX_PATH="$work/prefix" \
  >"$work/configure.log" 2>&1 || fail "find_package: $(tail -20 "$work/configure.log")"
cmake --build "$work/user/build" >"$work/build.log" 2>&1 ||
  fail "building against it: $(tail -20 "$work/build.log")"
if grep -rq "$(dirname "$build")/" "$work/prefix/lib"*/cmake; then
  fail "the package names its source folder: $(grep -rl "$build" "$work/prefix/lib"*/cmake)"
fi

status=0
said=$("$work/user/build/user" "$work/none.safetensors" 2>&1) || status=$?
[[ $status == 3 && $said == *none.safetensors* ]] || fail "exit code $status, said: $said"
