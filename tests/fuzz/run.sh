#!/usr/bin/env bash
# Runs the libFuzzer targets that `make fuzz` built in FOLDER for that many seconds each, as many at a time as there are processors. What they
# found before is kept there and continued from; a finding is a file TARGET-crash-*.
#
#   tests/fuzz/run.sh FOLDER SECONDS [elf|assembler|execute|archive|graph|json|npz|onnx|wav|jpeg]...
set -euo pipefail
build=$(realpath "${1:?usage: tests/fuzz/run.sh FOLDER SECONDS [TARGET...]}") seconds=${2:?usage: tests/fuzz/run.sh FOLDER SECONDS [TARGET...]}
shift 2
[ $# -gt 0 ] || set -- elf assembler execute archive graph json npz onnx wav jpeg
cd "$(dirname "$0")/../.."

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
    onnx) cp tests/data/onnx/*.onnx "$build/$1.seeds" ;;
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
}
grep -oh '"[.a-z][a-z0-9._]*"' mpic/isa/isa.inc mpic/isa/names.cpp mpic/program/assembler/*.cpp | sort -u >"$build/words.dict"

fuzz() {  # TARGET
  seed "$1"
  mkdir -p "$build/$1.corpus"
  local options=(-max_total_time="$seconds" -timeout=60 -rss_limit_mb=3000 -print_final_stats=1 -artifact_prefix="$build/$1-")
  [ "$1" != assembler ] || options+=(-dict="$build/words.dict")
  [ "$1" != archive ] || options+=(-max_len=30000)
  [ "$1" != execute ] || options+=(-max_len=600)
  echo "fuzz: $1 for $seconds s"
  if ! "$build/$1" "${options[@]}" "$build/$1.corpus" "$build/$1.seeds" >"$build/$1.log" 2>&1; then
    tail -40 "$build/$1.log"
    echo "fuzz: $1 failed, see $build/$1.log"
    return 1
  fi
  echo "fuzz: $1: $(grep -E 'number_of_executed_units' "$build/$1.log")"
}

export -f fuzz seed
export build seconds
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -euo pipefail -c 'fuzz {}'
