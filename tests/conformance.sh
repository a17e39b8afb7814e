#!/usr/bin/env bash
# Runs every ELF file of a folder on the simulated core and prints which ended with exit code 0: tests/conformance.sh PROGRAM FOLDER.
# Made for riscv-tests (riscv-software-src/riscv-tests, environment p), for example
#   riscv64-unknown-elf-gcc -march=rv32imc_zicsr_zifencei -mabi=ilp32 -static -mcmodel=medany -nostdlib -nostartfiles \
#     -Ienv/p -Iisa/macros/scalar -Tenv/p/link.ld isa/rv32ui/add.S -o FOLDER/rv32ui-p-add
set -uo pipefail
program=$1 folder=${2:-}
if [ -z "$folder" ] || [ ! -d "$folder" ]; then
  echo "conformance: '$folder' is no folder; say make conformance RISCV_TESTS=FOLDER" >&2
  exit 2
fi
passed=0 failed=0
for elf in "$folder"/*; do
  [ "$(head -c 4 "$elf" 2>/dev/null | tr -d '\0')" = $'\x7fELF' ] || continue
  if message=$("$program" run "$elf" --max-insns 10000000 2>&1); then
    passed=$((passed + 1))
    echo "pass $(basename "$elf")"
  else
    code=$? failed=$((failed + 1))
    echo "FAIL $(basename "$elf"): exit code $code $message"
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
