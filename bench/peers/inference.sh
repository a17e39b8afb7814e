#!/usr/bin/env bash
# The integer interpreter against frozen float PyTorch on the four networks, batch 128: rounds of both in turn, so that a slow moment of the
# machine hits both. Prints a Markdown table: medians of images per second, the median of the rounds' ratios, and their range.
#
#   bench/peers/inference.sh [--install] [ROUNDS] [THREADS]      --install: the Debian packages of PyTorch first
set -euo pipefail
cd "$(dirname "$0")/../.."
packages=(python3-torch python3-numpy libopenblas0-openmp)  # the last: a BLAS that shares PyTorch's threads; others slow the autoencoder down
if [[ ${1:-} == --install ]]; then
  shift
  dpkg -s "${packages[@]}" >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null; }
fi
rounds=${1:-5}
threads=${2:-2}
export OMP_NUM_THREADS=$threads
. bench/peers/torch.sh
blas=$(dirname "$(ls /usr/lib/*/openblas-openmp/libblas.so.3 2>/dev/null | head -1)")
[[ $blas != . ]] || { echo "error: no OpenBLAS on OpenMP; run: $0 --install" >&2; exit 1; }
make -s build/bench/train_bench
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
for ((i = 1; i <= rounds; i++)); do
  LD_LIBRARY_PATH=$blas torch bench/peers/torch_inference.py --threads "$threads" |
    tr -d '{}" ' | tr ',:' '\n ' | sed 's/^/torch /' >>"$rows"
  build/bench/train_bench --benchmark_filter='/integer/' --benchmark_repetitions=5 --benchmark_min_time=0.2 \
    --benchmark_report_aggregates_only=true --benchmark_format=json 2>/dev/null |
    /usr/bin/python3 -c 'import json, sys
for b in json.load(sys.stdin)["benchmarks"]:
    if b["aggregate_name"] == "median": print("ours", b["name"].split("/")[0], b["items_per_second"])' >>"$rows"
done
echo "Integer inference against frozen float PyTorch, images per second at batch 128:" \
  "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $threads threads, $rounds rounds, $(date -u +%F), commit $(git rev-parse --short HEAD)"
echo
/usr/bin/python3 - "$rows" <<'END'
import statistics
import sys
rates = {}
for line in open(sys.argv[1]):
    who, model, rate = line.split()
    rates.setdefault(model, {}).setdefault(who, []).append(float(rate))
print("| network | PyTorch float | bitloom integer | ratio | rounds |\n| --- | ---: | ---: | ---: | --- |")
for model, of in rates.items():
    ratios = [ours / torch for ours, torch in zip(of["ours"], of["torch"])]
    print(f"| {model} | {statistics.median(of['torch']):,.0f} | {statistics.median(of['ours']):,.0f} | {statistics.median(ratios):.2f} "
          f"| {min(ratios):.2f} to {max(ratios):.2f} |")
END
