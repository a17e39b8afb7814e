#!/usr/bin/env bash
# Compiles the programs of this folder for the simulator: OUTDIR/sort-O2-rv32imc.elf and so on, -O0 to -O3 and -Os, with and without
# compressed instructions. An ELF newer than its sources is kept. NAME.expected is what all ten of a program print under qemu, and
# their exit code: { qemu-riscv32 OUTDIR/sort-O2-rv32imc.elf; echo "exit $?"; } >tests/programs/sort.expected
#
#   [LEVELS="O0 O2"] [ARCHS=rv32imc] tests/programs/build.sh OUTDIR [NAME...]
set -euo pipefail
out=$(realpath -m "${1:?usage: tests/programs/build.sh OUTDIR [NAME...]}")
shift
cd "$(dirname "$0")/../.."
if [ $# = 0 ]; then
  set -- tests/programs/*.c
  set -- "${@##*/}"
  set -- "${@%.c}"
fi
compiler=${RISCV_CC:-riscv64-unknown-elf-gcc}
command -v "$compiler" >/dev/null || { echo "$compiler is missing: apt-get install gcc-riscv64-unknown-elf, or set RISCV_CC" >&2; exit 1; }
mkdir -p "$out"

compile() {  # NAME LEVEL ARCH
  local elf=$out/$1-$2-$3.elf source=tests/programs/$1.c
  [ -e "$elf" ] && [ -z "$(find "$source" tests/programs/print.h mpic/runtime -newer "$elf")" ] && return
  "$compiler" -march="$3" -mabi=ilp32 "-$2" -std=c99 -Wall -Wextra -ffreestanding -nostdlib -I. -Tmpic/runtime/link.ld \
    mpic/runtime/*.[Sc] "$source" -lgcc -o "$elf"
}
export -f compile
export out compiler

for name in "$@"; do
  for level in ${LEVELS:-O0 O1 O2 O3 Os}; do
    for arch in ${ARCHS:-rv32im rv32imc}; do echo "$name $level $arch"; done
  done
done |
  xargs -P "$(nproc)" -L 1 bash -c 'compile "$@" || exit 255' compile
