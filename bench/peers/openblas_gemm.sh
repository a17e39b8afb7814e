#!/bin/sh
# Our matrix products beside OpenBLAS's, in GFLOP/s as a Markdown table: alternating rounds, medians, and the share of the multiply-add peak that
# ours reach in the same rounds. Needs OpenBLAS on OpenMP (Debian: libopenblas-openmp-dev) and `make build/bench/kernels_bench`.
# OMP_NUM_THREADS as you like.  bench/peers/openblas_gemm.sh [ROUNDS (default: 5)]
set -eu
cd "$(dirname "$0")/../.."
rounds=${1:-5}
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
arch=$(gcc -print-multiarch)
${CXX:-g++} -std=c++17 -O2 -I. -I"/usr/include/$arch/openblas-openmp" bench/peers/openblas_gemm.cpp "/usr/lib/$arch/openblas-openmp/libopenblas.so" \
  -Wl,-rpath,"/usr/lib/$arch/openblas-openmp" -o "$out/openblas_gemm"
products=$(build/bench/kernels_bench --benchmark_list_tests --benchmark_filter=gemm | sed 's#/real_time##')
for _ in $(seq "$rounds"); do
  build/bench/kernels_bench --benchmark_filter='peak/fma/|gemm' --benchmark_min_time=0.1 --benchmark_format=csv 2>/dev/null |
    sed -n 's#^"\(.*\)/real_time",.*,\([0-9.e+]*\)$#bitloom \1 \2#p' >> "$out/rows"
  # shellcheck disable=SC2086  # one argument a product
  "$out/openblas_gemm" $products | sed 's/^/openblas /' >> "$out/rows"
done
echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), ${OMP_NUM_THREADS:-all} threads, $rounds rounds, $(date -u +%F), commit $(git rev-parse --short HEAD)"
echo
/usr/bin/env python3 - "$out/rows" <<'END_OF_PYTHON'
import collections
import statistics
import sys

rates = collections.defaultdict(lambda: collections.defaultdict(list))  # product -> program -> GFLOP/s, one per round
for line in open(sys.argv[1]):
    program, name, rate = line.split()
    rates[name][program].append(float(rate) / (1e9 if program == "bitloom" else 1))
peak = rates.pop("peak/fma")["bitloom"]
print(f"Multiply-add peak: {statistics.median(peak):.0f} GFLOP/s, {min(peak):.0f} to {max(peak):.0f}\n")
print("| product (m x n x k) | bitloom | of the peak | OpenBLAS | ratio | rounds |\n| --- | ---: | ---: | ---: | ---: | --- |")
for name, of in rates.items():
    ratios = [ours / theirs for ours, theirs in zip(of["bitloom"], of["openblas"])]
    share = statistics.median(ours / most for ours, most in zip(of["bitloom"], peak))
    print(f"| {name} | {statistics.median(of['bitloom']):.0f} | {share:.0%} | {statistics.median(of['openblas']):.0f} "
          f"| {statistics.median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} |")
END_OF_PYTHON
