#!/usr/bin/env bash
# What MPIC gains over software: integer networks as MPIC programs, as programs of XpulpV2 (RI5CY) that unpack sub-byte codes, and as
# exported C compiled for rv32imc, all on the simulated core. The networks: the given runs, and the four models at uniform precisions.
#
#   results/mpic/baseline.sh [RUN...]     RUN: folder of a run [those of results/cifar10]; BITLOOM=PATH instead of build/bitloom
#
# Needs python3; without riscv64-unknown-elf-gcc the columns of C are "-".
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=${BITLOOM:-$root/build/bitloom}
runtime=$root/mpic/runtime
compiler=riscv64-unknown-elf-gcc
fail() { echo "baseline.sh: $1" >&2 && exit 1; }
[[ ${1:-} != -* ]] || fail "usage: results/mpic/baseline.sh [RUN...]"
runs=("$@")
(($#)) || runs=("$root"/results/cifar10/{w8a8,w4a8,w2a8,w4a4,layer-0.2,layer-1,channel-0.2,channel-1,energy-0.2,energy-0.5,energy-2})
for run in "${runs[@]}"; do [[ -f $run/network.blig ]] || fail "$run has no network.blig"; done
[[ -x $program ]] || fail "there is no $program: make"
command -v python3 >/dev/null || fail "python3 is not installed"
command -v "$compiler" >/dev/null || echo "$compiler is not installed: no columns of C" >&2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Command, with what it says on standard error shown only if it fails.
quietly() { "$@" 2>"$work/errors" || { cat "$work/errors" >&2 && return 1; }; }

number() { sed -n "s/^  \"$1\": \([0-9.]*\),\?$/\1/p"; }  # NAME <JSON: a number of the outermost object

simulate() {  # RUN CORE, into $work/CORE.json
  quietly "$program" simulate --model "$1" --core "$2" --images 1 --seed 1 --mem 8M --format json >"$work/$2.json"
}

# The linker puts this around bitloom_infer. The self-test that calls it still compares its output with the interpreter's.
cat >"$work/timed.c" <<'END'
#include "bitloom.h"
int __real_bitloom_infer(const uint8_t* in, void* out);
int __wrap_bitloom_infer(const uint8_t* in, void* out) {
  const uint64_t before = bitloom_rdcycle();
  const int result = __real_bitloom_infer(in, out);
  const uint64_t cycles = bitloom_rdcycle() - before;
  bitloom_write(1, &cycles, sizeof cycles);
  return result;
}
END

exported_cycles() {  # RUN
  command -v "$compiler" >/dev/null || { echo - && return; }
  rm -rf "$work/c" &&
    quietly "$program" deploy --model "$1" --target c --samples 1 --out "$work/c" >"$work/table" &&
    "$compiler" -O3 -march=rv32imc -mabi=ilp32 -std=c99 -ffreestanding -nostdlib -DBITLOOM_QUIET -I "$runtime" -T "$runtime/link.ld" \
      -Wl,--defsym=RAM_SIZE=64M,--wrap=bitloom_infer "$runtime"/*.[Sc] "$work"/c/*.c "$work/timed.c" -lgcc -o "$work/selftest" &&
    "$program" run --mem 64M "$work/selftest" | od -An -tu8 | tr -d ' '
}

# A run of a model at its own size with random weights: PRECISIONS MODEL CLASSES (0: none) HEIGHT WIDTH CHANNELS.
random_run() {
  python3 - "$work/random.npz" "${@:3}" <<'END'
import math, random, sys, zipfile
path, classes, *shape = sys.argv[1], *map(int, sys.argv[2:])
random.seed(1)
samples = 16
def array(*shape, data):  # numpy's format, version 1
    text = repr({"descr": "|u1", "fortran_order": False, "shape": shape}).ljust(117) + "\n"
    return b"\x93NUMPY\x01\0" + len(text).to_bytes(2, "little") + text.encode() + data
with zipfile.ZipFile(path, "w") as file:
    for part in "train", "val", "test":
        file.writestr(f"x_{part}.npy", array(samples, *shape, data=random.randbytes(samples * math.prod(shape))))
        if classes:
            file.writestr(f"y_{part}.npy", array(samples, data=bytes(i % classes for i in range(samples))))
END
  quietly "$program" train --data "$work/random.npz" --model "$2" --epochs 0 --finetune-epochs 0 --quant "$1" --out "$work/$2/$1" \
    >"$work/table"
}

row() { printf "%-20s%11s%14s%14s%8s%8s%7s%17s%6s%11s%6s\n" "$@"; }
quotient() {  # A B DIGITS
  awk -v a="$1" -v b="$2" -v digits="$3" 'BEGIN { if (a == "-") print a; else printf "%.*f\n", digits, a / b }'
}
layers() { sed -n 's/^      "cycles": \([0-9]*\),$/\1/p' "$work/$1.json"; }  # CORE: cycles of every layer

measure() {  # NAME RUN ACCURACY; "ratio" is to $first, the first network of a group
  local mpic xpulpv2 c gain
  simulate "$2" mpic
  simulate "$2" xpulpv2
  mpic=$(number cycles_per_image <"$work/mpic.json") xpulpv2=$(number cycles_per_image <"$work/xpulpv2.json")
  c=$(exported_cycles "$2") || fail "the exported C of $2 does not compile, or fails its self-test"
  first=${first:-$mpic} gain=$(quotient "$xpulpv2" "$mpic" 2)
  row "$1" "$(quotient "$3" 0.01 2)" "$(number weight_bytes <"$2/result.json")" "$(quotient "$mpic" 1e6 3)" "$(quotient "$mpic" 250e3 2)" \
    "$(quotient "$(number energy_uj <"$work/mpic.json")" 1 1)" "$(quotient "$mpic" "$first" 2)" "$(quotient "$xpulpv2" 1e6 3)" "$gain" \
    "$(quotient "$c" 1e6 3)" "$(quotient "$c" "$mpic" 2)"
  echo "$gain" >>"$work/gains"
  paste <(layers xpulpv2) <(layers mpic) | awk '{ printf "%.2f\n", $1 / $2 }' >>"$work/layer_gains"
}
range() { sort -n "$1" | sed -n '1p;$p' | paste -sd- | sed 's/-/ to /'; }

echo "$ results/mpic/baseline.sh${*:+ $*}"
cat <<'END'
One inference of each network on the simulated core by three programs, whose outputs equal the integer interpreter's: for MPIC;
for XpulpV2 (RI5CY) by the same code generator, which unpacks 4-bit and 2-bit codes to bytes; the exported C, gcc -O3 for rv32imc.
ms at 250 MHz, uJ at the published 5.3825 mW: energy follows the cycles. ratio: time and energy to those of the group's first line.
gain: cycles over MPIC's. The first networks are trained; the others have random weights, and every layer has the bits named.
Compare: 1.1 to 4.9 times for MPIC over mixed precisions in software on RI5CY (Ottavi et al., arXiv 2010.04073, abstract). How that
software unpacks is not public. Here the compiler orders the codes so that two SIMD shifts make four bytes, for up to four pixels.

END
row network "integer %" "weight bytes" "MPIC Mcycles" ms uJ ratio "XpulpV2 Mcycles" gain "C Mcycles" gain
for run in "${runs[@]}"; do
  measure "$(basename "$(dirname "$run")")/$(basename "$run")" "$run" "$(number test_accuracy_integer <"$run/result.json")"
done
while read -r model shape; do
  first=
  printf '%.0s-' {1..122} && echo
  for act in 8 4 2; do
    for weight in 8 4 2; do
      # shellcheck disable=SC2086
      random_run "w${weight}a$act" "$model" $shape
      measure "$model w${weight}a$act" "$work/$model/w${weight}a$act" -
    done
  done
done <<'END'
resnet8 10 32 32 3
ds_cnn 12 49 10 1
mobilenet_v1 2 96 96 3
autoencoder 0 1 1 640
END
echo
echo "Gains over XpulpV2: $(range "$work/gains") for networks, $(range "$work/layer_gains") for layers; published: 1.1 to 4.9."
