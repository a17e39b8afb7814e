#!/usr/bin/env bash
# Compiles the C files of a folder for a target and runs them there, standard input and output passed through.
#   tests/cross/run.sh host|gcc|clang|cortex-m3|cortex-m4|rv32imc|core FOLDER [COMPILER FLAG...] <in >out
# gcc and clang run here under their sanitizers, host without, core on the simulated MPIC core, the others in an emulator. Ends with the program's exit code;
# with 77, and the reason on standard error, when a tool is not installed.
set -euo pipefail

target=$1 folder=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
strict=(-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror -I "$folder" "$@")
ubsan=(-fsanitize=undefined -fno-sanitize-recover=all)
bare=(-nostdlib "$here/freestanding.c" -lgcc)
link=() run=()
case $target in
  host) compile=(cc -O3) ;;
  gcc) compile=(gcc -O2 -g -fsanitize=address "${ubsan[@]}") ;;
  clang) compile=(clang -O2 "${ubsan[@]}") ;;
  cortex-m3 | cortex-m4)
    compile=(arm-none-eabi-gcc -O2 -mthumb -mcpu="$target" -ffreestanding)
    link=(-T "$here/mps2.ld" "$here/mps2_start.c" "${bare[@]}")
    [ "$target" = cortex-m3 ] && board=mps2-an385 || board=mps2-an386
    run=(qemu-system-arm -M "$board" -display none -monitor none -serial none)
    run+=(-semihosting-config enable=on,target=native -kernel)
    ;;
  rv32imc)
    compile=(riscv64-unknown-elf-gcc -O2 -march=rv32imc -mabi=ilp32 -ffreestanding)
    link=(-Wl,--no-relax "$here/linux_start.c" "${bare[@]}") run=(qemu-riscv32)
    ;;
  core)
    runtime=$here/../../mpic/runtime
    cat >"$folder/input"
    compile=(riscv64-unknown-elf-gcc -O3 -march=rv32imc -mabi=ilp32 -ffreestanding -I "$runtime")
    link=(-nostdlib -T "$runtime/link.ld" -Wl,--defsym=RAM_SIZE=64M -DINPUT="\"$folder/input\"")
    link+=("$runtime"/*.[Sc] "$here/core_io.c" "$here/core_input.S" -lgcc)
    run=("${BITLOOM:-$here/../../build/bitloom}" run --mem 64M)
    ;;
  *) echo "run.sh: there is no target '$target'" >&2 && exit 2 ;;
esac
for tool in "${compile[0]}" "${run[0]:-true}"; do
  command -v "$tool" >/dev/null || { echo "$tool is not installed" >&2 && exit 77; }
done

objects=$(mktemp -d "$folder/$target.XXXXXX")
printf '%s\0' "$folder"/*.c | xargs -0 -P 2 -I{} sh -c 'out=$1/$(basename "$2").o; shift 2; "$@" -o "$out"' \
  sh "$objects" {} "${compile[@]}" "${strict[@]}" -c {} >&2
"${compile[@]}" "$objects"/*.o "${link[@]}" -o "$objects/program" >&2
"${run[@]}" "$objects/program"
