#!/usr/bin/env bash
# Cycles, time and energy on the simulated MPIC core from sound to class: the MFCC front end as exported C, and the network as exported C and as the
# program that `bitloom deploy --target mpic` writes. Needs Debian's gcc-riscv64-unknown-elf.
#
#   bench/sound.sh RUN...     RUN: folders of keyword networks, or their network.blig
set -euo pipefail
[[ $# -gt 0 ]] || { echo "usage: bench/sound.sh RUN..." >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
bitloom=${BITLOOM:-$root/build/bitloom}
command -v riscv64-unknown-elf-gcc >/dev/null || { echo "error: riscv64-unknown-elf-gcc is missing; install gcc-riscv64-unknown-elf" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
row() {  # NAME PART CYCLES; 250 MHz and 5.3825 mW: README, "Cost model"
  awk -v n="$1" -v p="$2" -v c="$3" 'BEGIN { printf "| %s | %s | %.2f | %.1f | %.1f |\n", n, p, c / 1e6, c / 250e3, c / 250e6 * 5382.5 }'
}
echo "| network | part | Mcycles | ms at 250 MHz | energy uJ |"
echo "| --- | --- | ---: | ---: | ---: |"
for run in "$@"; do
  rm -rf "$work"/*
  "$bitloom" deploy --model "$run" --target c --front-end mfcc --out "$work/c" >/dev/null
  rm "$work/c/bitloom_selftest.c"
  runtime=$root/mpic/runtime
  riscv64-unknown-elf-gcc -O3 -march=rv32imc -mabi=ilp32 -ffreestanding -nostdlib -I "$runtime" -I "$work/c" -T "$runtime/link.ld" "$runtime"/*.[Sc] \
    "$root/bench/programs/sound.c" "$work"/c/*.c -lgcc -o "$work/sound.elf" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
  read -r front network < <("$bitloom" run "$work/sound.elf")
  "$bitloom" deploy --model "$run" --target mpic --out "$work/mpic" >/dev/null
  own=$("$bitloom" run "$work/mpic/network.bin" --format json 2>/dev/null | sed -n 's/.*"cycles": \([0-9]*\).*/\1/p' | head -1)
  row "$run" "front end, exported C" "$front"
  row "$run" "network, exported C" "$network"
  row "$run" "network, MPIC code" "$own"
done
