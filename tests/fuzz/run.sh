#!/usr/bin/env bash
# Builds the libFuzzer targets of this folder with clang and both sanitizers, and runs them for that many seconds each. What they found before
# is kept below build/fuzz and continued from; a finding is a file crash-* there.
#
#   tests/fuzz/run.sh SECONDS [elf|assembler|execute]...
set -euo pipefail
seconds=${1:?usage: tests/fuzz/run.sh SECONDS [elf|assembler|execute]...}
shift
[ $# -gt 0 ] || set -- elf assembler execute
cd "$(dirname "$0")/../.."
build=${FUZZ_BUILD:-build/fuzz}
compiler=${CLANG:-clang++}
mkdir -p "$build"
probe='extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }'
if ! echo "$probe" | "$compiler" -xc++ - -fsanitize=fuzzer -o "$build/probe" 2>/dev/null; then
  echo "fuzz: skipped, $compiler has no fuzzer runtime"
  exit 0
fi

flags='-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all'
# All of the simulator but the code generator.
sources=$(find core/*.cpp mpic tests/support/mpic.cpp tests/fuzz -name '*.cpp' -not -path '*/emit/*' -not -name 'codegen*' -not -name 'simulation*')
objects=$(echo "$sources" | sed "s|\(.*\)\.cpp|$build/\1.o|")
# shellcheck disable=SC2086
make CXX="$compiler" BUILD="$build" CXXFLAGS="$flags" $objects
rm -f "$build/lib.a"
echo "$objects" | grep -v tests/fuzz/ | xargs ar rcs "$build/lib.a"

seed() {  # TARGET
  mkdir -p "$build/$1.seeds"
  case $1 in
    elf) LEVELS=Os ARCHS=rv32imc tests/programs/build.sh "$build/$1.seeds" sieve bits 2>/dev/null || true ;;
    assembler) cp mpic/runtime/*.S bench/programs/*.s "$build/$1.seeds" 2>/dev/null || true ;;
  esac
  grep -oh '"[.a-z][a-z0-9._]*"' mpic/isa/isa.inc mpic/isa/names.cpp mpic/program/assembler/*.cpp | sort -u >"$build/words.dict"
}

for target in "$@"; do
  "$compiler" -fopenmp -fsanitize=fuzzer,address,undefined "$build/tests/fuzz/${target}_fuzz.o" "$build/lib.a" -lgtest -lpthread -lz -ljpeg \
    -o "$build/$target"
  seed "$target"
  mkdir -p "$build/$target.corpus"
  options=(-max_total_time="$seconds" -timeout=60 -rss_limit_mb=3000 -print_final_stats=1 -artifact_prefix="$build/$target-")
  [ "$target" = assembler ] && options+=(-dict="$build/words.dict")
  [ "$target" = execute ] && options+=(-max_len=600)
  echo "fuzz: $target for $seconds s"
  if ! "$build/$target" "${options[@]}" "$build/$target.corpus" "$build/$target.seeds" >"$build/$target.log" 2>&1; then
    tail -40 "$build/$target.log"
    echo "fuzz: $target failed, see $build/$target.log"
    exit 1
  fi
  grep -E 'number_of_executed_units' "$build/$target.log"
done
