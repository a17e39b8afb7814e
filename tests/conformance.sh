#!/usr/bin/env bash
# Runs every ELF file of folders on the simulated core, and prints which went well: tests/conformance.sh PROGRAM FOLDER...
# A program passes that ends with exit code 0 and, where a file of the same name with .reference_output or .signature instead of .elf lies beside it, leaves that
# signature.
#
# Made for riscv-tests (riscv-software-src/riscv-tests, environment p), for example
#   riscv64-unknown-elf-gcc -march=rv32imc_zicsr_zifencei -mabi=ilp32 -static -mcmodel=medany -nostdlib -nostartfiles \
#     -Ienv/p -Iisa/macros/scalar -Tenv/p/link.ld isa/rv32ui/add.S -o FOLDER/rv32ui-p-add
# and for riscv-arch-test, whose target is tests/cross/riscof: model_test.h and link.ld are what riscof's DUT plugin, or any other way to build the tests, takes.
set -uo pipefail
program=$1
shift
folders=()
for folder in "$@"; do
  [ -z "$folder" ] && continue
  [ -d "$folder" ] || { echo "conformance: '$folder' is no folder" >&2; exit 2; }
  folders+=("$folder")
done
if [ ${#folders[@]} = 0 ]; then
  echo "conformance: say make conformance RISCV_TESTS=FOLDER, or RISCV_ARCH_TEST=FOLDER" >&2
  exit 2
fi
signature=$(mktemp)
trap 'rm -f "$signature"' EXIT
passed=0 failed=0
while IFS= read -r elf; do
  [ "$(head -c 4 "$elf" | tr -d '\0')" = $'\x7fELF' ] || continue
  reference=
  for ending in reference_output signature; do
    [ -e "${elf%.elf}.$ending" ] && reference=${elf%.elf}.$ending
  done
  if ! message=$("$program" run "$elf" --mem 4M --max-insns 10000000 ${reference:+--signature "$signature"} 2>&1); then
    failed=$((failed + 1))
    echo "FAIL $elf: $(head -n 1 <<<"${message:-an exit code other than 0}")"
  elif [ -n "$reference" ] && ! difference=$(diff -i "$reference" "$signature"); then
    failed=$((failed + 1))
    echo "FAIL $elf: another signature than $reference: $(sed -n 's/^[<>] /&/p' <<<"$difference" | head -n 2 | tr '\n' ' ')"
  else
    passed=$((passed + 1))
    echo "pass $elf"
  fi
done < <(find "${folders[@]}" -type f | LC_ALL=C sort)
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
