#!/usr/bin/env bash
# Builds the kernels with their tests for processors, and runs the tests there:
#   tests/cross/kernels.sh portable   one program for every x86-64: each of its kernel paths that this processor has, then an emulated one that has only the first
#   tests/cross/kernels.sh aarch64 [FILTER]    emulated; of the tests those of the bits (Bits.*), or of the filter
# Exits with 77, and the reason on standard error, when a tool is not installed.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=$1 build=build/cross/$1 filter='*' emulator=() arguments=()
need() { command -v "$1" >/dev/null || [ -e "$1" ] || { echo "$1 is not installed" >&2; exit 77; }; }
case $target in
  portable)
    emulator=(qemu-x86_64 -cpu qemu64)
    arguments=(ARCH=portable)
    ;;
  aarch64)
    need aarch64-linux-gnu-g++
    need qemu-aarch64
    gtest=/usr/src/googletest/googletest
    need $gtest/src/gtest-all.cc
    emulator=(qemu-aarch64) filter=${2:-Bits.*}
    mkdir -p "$build"
    [ -e "$build/libgtest.a" ] || {
      aarch64-linux-gnu-g++ -O1 -I $gtest/include -I $gtest -c $gtest/src/gtest-all.cc -o "$build/gtest.o"
      ar rcs "$build/libgtest.a" "$build/gtest.o"
    }
    # What reads and writes files is compiled, with the headers of this machine's libraries, but does not run. (A dynamic linker refuses what is unresolved.) No
    # bit depends on -O1, which takes a third of the time.
    headers="-idirafter /usr/include -idirafter /usr/include/$(gcc -dumpmachine)"
    arguments=(ARCH=portable CXX="${CCACHE:-} aarch64-linux-gnu-g++ $headers" LDFLAGS="-static -L$build" CXXFLAGS=-O1 LIBS=-Wl,--unresolved-symbols=ignore-all)
    ;;
  *)
    echo "tests/cross/kernels.sh: expected portable or aarch64, got $target" >&2
    exit 2
    ;;
esac
make BUILD="$build" "${arguments[@]}" "$build/kernel_tests" >/dev/null
[ "$target" = aarch64 ] || "$build/kernel_tests" --gtest_filter='KernelPaths.*'
need "${emulator[0]}"
OMP_NUM_THREADS=2 BITLOOM_FAST=1 "${emulator[@]}" "$build/kernel_tests" --gtest_filter="$filter"
