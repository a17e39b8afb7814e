#!/usr/bin/env bash
# Training steps and inference of the four networks in PyTorch and in bitloom: rounds of both in turn, so that a slow moment of the machine hits
# both. Prints a Markdown table: medians of images per second, the median of the rounds' ratios, and their range. "integer" compares our integer
# interpreter with PyTorch's frozen float network.
#
#   bench/peers/run.sh [--install] [ROUNDS] [THREADS] [NETWORK...]      --install: the Debian packages of PyTorch first
set -euo pipefail
cd "$(dirname "$0")/../.."
packages=(python3-torch python3-numpy libopenblas0-openmp)  # the last: a BLAS that shares PyTorch's threads; others slow the autoencoder down
if [[ ${1:-} == --install ]]; then
  shift
  dpkg -s "${packages[@]}" >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null; }
fi
rounds=${1:-5}
threads=${2:-2}
shift $(($# < 2 ? $# : 2))
networks=("$@")
export OMP_NUM_THREADS=$threads
blas=$(dirname "$(ls /usr/lib/*/openblas-openmp/libblas.so.3 2>/dev/null | head -1)")
[[ $blas != . ]] || { echo "error: no OpenBLAS on OpenMP; run: $0 --install" >&2; exit 1; }
# PyTorch at its best. glibc keeps freed memory, as bitloom's program tells it to (returning it costs ResNet-8 and MobileNet up to half of their
# speed), and OpenMP's threads wait as they do by default: passive ones slow the autoencoder down 2.5 times.
pytorch() {
  env -u OMP_WAIT_POLICY MALLOC_MMAP_THRESHOLD_=1000000000 MALLOC_TRIM_THRESHOLD_=4000000000 MALLOC_TOP_PAD_=268435456 LD_LIBRARY_PATH="$blas" \
    /usr/bin/python3 bench/peers/torch_steps.py --threads "$threads" "${networks[@]}"
}
filter="^($(IFS='|'; echo "${networks[*]:-.*}"))/(train_step|integer)/"
ours() {
  build/bench/train_bench --benchmark_filter="$filter" --benchmark_repetitions=5 --benchmark_min_time=0.2 \
    --benchmark_report_aggregates_only=true --benchmark_format=json 2>/dev/null
}
make -s build/bench/train_bench
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
for ((i = 1; i <= rounds; i++)); do
  pytorch | tr '\n' ' ' >>"$rows"
  echo >>"$rows"
  ours | tr '\n' ' ' >>"$rows"
  echo >>"$rows"
done
echo "Images per second of bitloom and PyTorch: $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $threads threads, $rounds rounds," \
  "$(date -u +%F), commit $(git rev-parse --short HEAD)"
echo
/usr/bin/python3 - "$rows" <<'END'
import json
import statistics
import sys
lines = [json.loads(line) for line in open(sys.argv[1])]
rounds = []
for torch, ours in zip(lines[::2], lines[1::2]):
    medians = {b["run_name"].replace("/real_time", ""): b["items_per_second"] for b in ours["benchmarks"] if b["aggregate_name"] == "median"}
    rounds.append({name: (rate, medians[name]) for name, rate in torch.items()})
print("| network, step, batch | PyTorch float | bitloom | ratio | rounds |\n| --- | ---: | ---: | ---: | --- |")
for name in rounds[0]:
    torch, ours = zip(*(r[name] for r in rounds))
    ratios = [b / a for a, b in zip(torch, ours)]
    print(f"| {name.replace('/', ', ')} | {statistics.median(torch):,.0f} | {statistics.median(ours):,.0f} | {statistics.median(ratios):.2f} "
          f"| {min(ratios):.2f} to {max(ratios):.2f} |")
END
