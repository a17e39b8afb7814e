#!/usr/bin/env bash
# Builds the libFuzzer targets of this folder with clang and both sanitizers, and runs them for that many seconds each. What they found before
# is kept below build/fuzz and continued from; a finding is a file crash-* there.
#
#   tests/fuzz/run.sh SECONDS [elf|assembler|execute|archive|graph|json|npz|wav|jpeg]...
set -euo pipefail
seconds=${1:?usage: tests/fuzz/run.sh SECONDS [elf|assembler|execute|archive|graph|json|npz|wav|jpeg]...}
shift
[ $# -gt 0 ] || set -- elf assembler execute archive graph json npz wav jpeg
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
# All of the simulator but the code generator, and the readers of files.
sources=$(find core/*.cpp datasets/archive.cpp datasets/wav.cpp datasets/jpeg.cpp quant/integer mpic tests/support/mpic.cpp tests/fuzz -name '*.cpp' -not -path 'mpic/compile/*')
objects=$(echo "$sources" | sed "s|\(.*\)\.cpp|$build/\1.o|")
# shellcheck disable=SC2086
make CXX="$compiler" BUILD="$build" CXXFLAGS="$flags" $objects
rm -f "$build/lib.a"
echo "$objects" | grep -v tests/fuzz/ | xargs ar rcs "$build/lib.a"

# What a reader fixes or adds itself (fuzz targets say why) is left out of its seeds.
seed() {  # TARGET
  mkdir -p "$build/$1.seeds"
  case $1 in
    elf) LEVELS=Os ARCHS=rv32imc tests/programs/build.sh "$build/$1.seeds" sieve bits 2>/dev/null || true ;;
    archive)
      mkdir -p "$build/files/folder"
      printf hello >"$build/files/folder/a" && ln -f "$build/files/folder/a" "$build/files/folder/b"
      head -c 3000 README.md >"$build/files/folder/$(printf 'long%.0s' $(seq 40))"
      for format in ustar gnu pax v7; do
        (printf 1 && tar c --format=$format -C "$build/files" folder 2>/dev/null) >"$build/$1.seeds/$format.tar" || true
        (printf 0 && tar cz --format=$format -C "$build/files" folder 2>/dev/null) >"$build/$1.seeds/$format.tar.gz" || true
      done
      ;;
    graph) for graph in results/*/*/network.blig; do tail -c +9 "$graph" | head -c -4 >"$build/$1.seeds/$(echo "$graph" | tr / _)"; done ;;
    json) cp results/cifar10/channel-1/*.json "$build/$1.seeds" ;;
    npz)
      printf ".\223NUMPY\1\0\100\0%-63s\n%s" "{'descr': '<f4', 'fortran_order': True, 'shape': (2L, 3), }" 123456789012345678901234 \
        >"$build/$1.seeds/npy"
      ;;
    wav) printf 'RIFF\60\0\0\0WAVEfmt \20\0\0\0\1\0\1\0\200\76\0\0\0\175\0\0\2\0\20\0data\4\0\0\0\1\0\2\0' >"$build/$1.seeds/pcm16.wav" ;;
    jpeg)
      base64 -d >"$build/$1.seeds/gray.jpg" <<<'/9j/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKrarYqMyP/L2u71////m8H////6/+b9//j/wAALCAAQABABAREA/8QAFgABAQEAAAAAAAAAAAAAAAAABAAD/8QAIhABAAIBAwMFAAAAAAAAAAAAAQIRAwAEIRITwRQxgaGx/9oACAEBAAA/ACbTaQyY+5kQiFq6R2MNHTgBeQnzJ+D9vVt69PhjVodQJwrwedaATJsp3FpVPt8HtQLr/9k='
      [ -z "${BITLOOM_DATA:-}" ] || cp "$BITLOOM_DATA"/coco128_96/person/*0.jpg "$build/$1.seeds"
      ;;
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
  [ "$target" = archive ] && options+=(-max_len=30000)
  [ "$target" = execute ] && options+=(-max_len=600)
  echo "fuzz: $target for $seconds s"
  if ! "$build/$target" "${options[@]}" "$build/$target.corpus" "$build/$target.seeds" >"$build/$target.log" 2>&1; then
    tail -40 "$build/$target.log"
    echo "fuzz: $target failed, see $build/$target.log"
    exit 1
  fi
  grep -E 'number_of_executed_units' "$build/$target.log"
done
