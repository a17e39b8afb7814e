#!/bin/sh
# Installs what `make` built below a new folder, builds a program against it with find_package(bitloom), and runs that.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make install DESTDIR="$work" PREFIX=/prefix >"$work/log" || { cat "$work/log"; exit 1; }
cmake -S tests/install -B "$work/build" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER="${1:-c++}" -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/log" ||
  { cat "$work/log"; exit 1; }
cmake --build "$work/build" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
"$work/build/search_own_arrays" "$work/run"
