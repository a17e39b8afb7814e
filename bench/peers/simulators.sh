#!/usr/bin/env bash
# How fast bitloom simulates bench/programs, next to other RISC-V simulators: in each round each simulator runs each program in
# turn, so that a slow moment of the machine hits all; MIPS are instructions by the wall time of the whole process. bitloom counts
# cycles meanwhile, the others only execute. Needs Debian's gcc-riscv64-unknown-elf; a peer takes part where it is found:
#   SPIKE     riscv-software-src/riscv-isa-sim, ../configure CXXFLAGS='-O3 -march=native -g0'
#   LIBRISCV  libriscv/libriscv, emulator/ with -DRISCV_32I=ON -DRISCV_BINARY_TRANSLATION=OFF -DNATIVE=ON: g++'s threaded interpreter
#   QEMU      qemu-riscv32 of Debian's qemu-user: a translator
#
#   SPIKE=/path/to/spike LIBRISCV=/path/to/rvlinux bench/peers/simulators.sh [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-5}
make -s build/bitloom
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "$1" >&2
  exit 1
}

declare -A peer=([spike]=${SPIKE:-spike} [libriscv]=${LIBRISCV:-rvlinux} [qemu]=${QEMU:-qemu-riscv32})
simulators=(bitloom)
for name in spike libriscv qemu; do
  if command -v "${peer[$name]}" >/dev/null; then simulators+=("$name"); else echo "# missing: $name (${name^^}=PATH)"; fi
done

compile() {  # OUT OPTIONS SOURCES
  riscv64-unknown-elf-gcc -march=rv32imc_zicsr -mabi=ilp32 -O2 -std=c99 -ffreestanding -nostdlib -I. -o "$@"
}

run() {  # SIMULATOR PROGRAM
  case $1 in
    bitloom) build/bitloom run "$work/$2.elf" ;;
    spike) "${peer[spike]}" --isa=rv32imc_zicsr_zicntr "$work/$2.spike.elf" ;;
    libriscv) "${peer[libriscv]}" -s "$work/$2.elf" ;;
    qemu) "${peer[qemu]}" "$work/$2.elf" ;;
  esac
}

# The instructions that a peer counts itself; Debian's qemu cannot.
count() {  # PEER PROGRAM
  case $1 in
    spike) echo $((16#$(run spike "$2" | tail -n 1))) ;;
    libriscv) "${peer[libriscv]}" --accurate "$work/$2.elf" | sed -n 's/.*Instructions executed: \([0-9]*\).*/\1/p' ;;
    qemu) echo "${instructions[$2]}" ;;
  esac
}

compile "$work/memory.o" -c mpic/runtime/memory.c
compile "$work/services.o" -c mpic/runtime/services.S
programs=()
for source in bench/programs/*.c; do
  name=$(basename -s .c "$source")
  programs+=("$name")
  # The objects are the same for all; only Spike's start-up differs.
  compile "$work/$name.o" -c "$source"
  objects=("$work/$name.o" "$work/memory.o" "$work/services.o" -lgcc)
  compile "$work/$name.elf" -Tmpic/runtime/link.ld mpic/runtime/crt0.S "${objects[@]}"
  compile "$work/$name.spike.elf" -Tmpic/runtime/link.ld bench/peers/spike_crt.S "${objects[@]}"
done

# A program compares its result itself and exits with 0, so bitloom's is the right one. One count serves all: they may differ by the
# start-up, and by the some 5000 instructions that Spike runs while its host serves a write.
declare -A instructions results
for name in "${programs[@]}"; do
  output=$(build/bitloom run "$work/$name.elf" --format json 2>&1) || fail "bitloom: $name ended with another exit code than 0: $output"
  results[$name]=$(grep -x '[0-9a-f]\{8\}' <<<"$output")
  instructions[$name]=$(sed -n 's/.*"instructions": *\([0-9]*\).*/\1/p' <<<"$output")
  for simulator in "${simulators[@]:1}"; do
    theirs=$(count "$simulator" "$name")
    difference=$((theirs - instructions[$name]))
    ((${difference#-} <= 10000)) || fail "$simulator counts $theirs instructions in $name, bitloom ${instructions[$name]}"
  done
done

echo "# $(date -u +%FT%TZ) $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $rounds rounds, commit $(git rev-parse --short HEAD)"
for ((round = 1; round <= rounds; ++round)); do
  for name in "${programs[@]}"; do
    for simulator in "${simulators[@]}"; do
      begin=${EPOCHREALTIME/./}
      run "$simulator" "$name" >"$work/output" 2>/dev/null || true
      echo "$simulator $name ${instructions[$name]} $((${EPOCHREALTIME/./} - begin))"
      # The output, because libriscv's exit code is not the program's.
      grep -qx "${results[$name]}" "$work/output" || fail "$simulator: the result of $name is not ${results[$name]}"
    done
  done
done >"$work/times"

/usr/bin/python3 - "$work/times" <<'END'
import collections, math, statistics, sys

mips = collections.defaultdict(lambda: collections.defaultdict(list))
for line in open(sys.argv[1]):
    simulator, program, instructions, microseconds = line.split()
    mips[simulator][program].append(int(instructions) / int(microseconds))


def mean(values):
    return math.exp(statistics.mean(map(math.log, values)))


programs = list(mips["bitloom"])
print("MIPS: median [lowest..highest]")
print(f"{'':10}" + "".join(f"{p:>22}" for p in programs) + f"{'geomean':>10}")
for simulator, rates in mips.items():
    medians = [statistics.median(rates[p]) for p in programs]
    cells = [f"{m:.0f} [{min(rates[p]):.0f}..{max(rates[p]):.0f}]" for p, m in zip(programs, medians)]
    print(f"{simulator:10}" + "".join(f"{c:>22}" for c in cells) + f"{mean(medians):10.0f}")
print("bitloom / peer: median of the rounds' ratios")
for simulator in list(mips)[1:]:
    ratios = [statistics.median(a / b for a, b in zip(mips["bitloom"][p], mips[simulator][p])) for p in programs]
    print(f"{simulator:10}" + "".join(f"{r:22.2f}" for r in ratios) + f"{mean(ratios):10.2f}")
END

# Nothing to compare with: no other simulator here knows XpulpV2.
for ((round = 1; round <= rounds; ++round)); do
  build/bitloom run bench/programs/xpulp_matmul.s --format json | sed -n 's/^ *"mips": \([0-9]*\).*/\1/p'
done | sort -n | sed -n "$(((rounds + 1) / 2))s/^/bitloom, xpulp_matmul.s (hardware loops, packed dot products), median MIPS: /p"
