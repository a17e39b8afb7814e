#!/usr/bin/env bash
# Compiles every program of Embench (github.com/embench/embench-iot) to assembly, makes a program of it twice, with bitloom's assembler and with GNU
# as and ld, runs both on the simulated core, and compares how they end: Embench checks its own results, and ends with 0 if they are right.
#   EMBENCH=DIR tests/cross/assembler.sh [FLAGS...]      BITLOOM names the program (build/bitloom); FLAGS are sets of options, such as "-O0 -g"
#   COMPILER="clang --target=riscv32-unknown-elf -I/usr/lib/picolibc/riscv64-unknown-elf/include" compiles with clang
# Ends with 77, and the reason on standard error, when tools or sources are missing.
set -euo pipefail
gnu=riscv64-unknown-elf
compiler=${COMPILER:-$gnu-gcc --specs=picolibc.specs}
command -v $gnu-gcc >/dev/null || { echo "$gnu-gcc is not installed" >&2 && exit 77; }
command -v ${compiler%% *} >/dev/null || { echo "${compiler%% *} is not installed" >&2 && exit 77; }
[ -d "${EMBENCH:-}/src" ] || { echo "EMBENCH names no folder with Embench's src" >&2 && exit 77; }
root=$(realpath "$(dirname "$0")/../..") embench=$(realpath "$EMBENCH")
program=$(realpath "${BITLOOM:-$root/build/bitloom}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
[ $# -gt 0 ] || set -- -O0 -O2 -Os "-O3 -g"

mkdir "$folder/board"
echo 'void initialise_board(void) {} void start_trigger(void) {} void stop_trigger(void) {}' >"$folder/board/boardsupport.c"
touch "$folder/board/boardsupport.h" "$folder/board/config.h"

failed=0
for flags in "$@"; do
  passed=0
  for source in "$embench"/src/*/; do
    name=$(basename "$source") work=$(mktemp -d -p "$folder")
    for c in "$source"/*.c "$embench"/support/{main,beebsc,board}.c "$root"/mpic/runtime/memory.c "$root"/tests/cross/assembler_library.c; do
      # shellcheck disable=SC2086
      $compiler -march=rv32imc -mabi=ilp32 $flags -ffreestanding -w -S "$c" -o "$work/$(basename "$c" .c).s" -I"$embench/support" \
        -I"$folder/board" -DWARMUP_HEAT=0 -DGLOBAL_SCALE_FACTOR=1 -DCPU_MHZ=1
    done
    $gnu-gcc -march=rv32imc -mabi=ilp32 -nostdlib -T"$root/mpic/runtime/link.ld" "$root"/mpic/runtime/*.S "$work"/*.s -o "$work/gnu.elf"
    ours=0 theirs=0
    message=$("$program" run "$root"/mpic/runtime/crt0.S "$work"/*.s "$root/mpic/runtime/services.S" --max-insns 2000000000 2>&1) || ours=$?
    "$program" run "$work/gnu.elf" --max-insns 2000000000 >/dev/null 2>&1 || theirs=$?
    if [ "$ours" = "$theirs" ] && [ "$ours" = 0 ]; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
      echo "FAIL $name $flags: ends with $ours, GNU's with $theirs; $message"
    fi
    rm -r "$work"
  done
  echo "$flags: $passed programs give what they give as assembled by GNU as"
done
[ "$failed" = 0 ]
