#!/usr/bin/env bash
# A float ResNet-8 training step, batch 128, in PyTorch and in bitloom: rounds of both in turn, so that a slow moment of the machine
# hits both; prints each round's images per second and ratio, and the median ratio. Needs python3-torch and python3-numpy (Debian).
#
#   bench/peers/train_step.sh [ROUNDS] [THREADS]
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-5}
threads=${2:-2}
export OMP_NUM_THREADS=$threads
. bench/peers/torch.sh
make -s build/bench/train_bench
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
echo "# $(date -u +%FT%TZ) $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $threads threads, $rounds rounds, commit $(git rev-parse --short HEAD)"
echo "round pytorch bitloom ratio"
for ((i = 1; i <= rounds; i++)); do
  torch=$(torch bench/peers/torch_train_step.py --threads "$threads" | sed 's/.*"img_per_s": \([0-9.]*\).*/\1/')
  ours=$(build/bench/train_bench --benchmark_filter='^resnet8/train_step' --benchmark_repetitions=5 --benchmark_min_time=0.5 \
    --benchmark_report_aggregates_only=true --benchmark_format=json 2>/dev/null |
    /usr/bin/python3 -c 'import json,sys; print([b["items_per_second"] for b in json.load(sys.stdin)["benchmarks"] if b["aggregate_name"] == "median"][0])')
  awk -v i="$i" -v t="$torch" -v o="$ours" 'BEGIN { printf "%d %.0f %.0f %.3f\n", i, t, o, o / t }'
done | tee "$rows"
cut -d' ' -f4 "$rows" | sort -n | awk '{ r[NR] = $1 } END { print "median ratio bitloom / pytorch:", (r[int((NR + 1) / 2)] + r[int(NR / 2) + 1]) / 2 }'
