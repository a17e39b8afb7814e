#!/usr/bin/env bash
# One search step (weights of 2, 4 and 8 bits per channel, activations of 8 or of 2, 4 and 8 bits) of the four networks in bitloom, PLiNIO and the
# authors' multi-prec-nas: rounds of all in turn. Prints a Markdown table: medians of images per second, the median of the rounds' ratios, and
# their range. The peers are not part of this project; name a checkout of either or both:
#
#   bench/peers/search_step.sh [--plinio DIR] [--multi-prec-nas DIR] [--batch N] [--network NAME]... [ROUNDS]
#     https://github.com/eml-eda/plinio (also needs: apt-get install python3-onnx python3-networkx), https://github.com/eml-eda/multi-prec-nas
#     --batch: images per step (default: 128); ROUNDS: default 5; two threads; PyTorch as run.sh --install installs it
set -euo pipefail
cd_from=$PWD
cd "$(dirname "$0")/../.."
fail() { echo "error: $*" >&2; exit 2; }
usage="bench/peers/search_step.sh [--plinio DIR] [--multi-prec-nas DIR] [--batch N] [--network NAME]... [ROUNDS]"
declare -A checkout=()
networks=()
batch=128 rounds=5
while (($#)); do
  case $1 in
    --plinio | --multi-prec-nas | --batch | --network) (($# > 1)) || fail "$1 needs a value; usage: $usage" ;;&
    --plinio | --multi-prec-nas)
      checkout[${1#--}]=$(cd "$cd_from" && realpath -e "$2" 2>/dev/null) || fail "$1: no folder $2"
      shift 2 ;;
    --batch) batch=$2; shift 2 ;;
    --network) networks+=("$2"); shift 2 ;;
    *) rounds=$1; shift ;;
  esac
done
[[ $batch =~ ^[1-9][0-9]*$ && $rounds =~ ^[1-9][0-9]*$ ]] || fail "batch '$batch' and rounds '$rounds' must be positive; usage: $usage"
((${#checkout[@]})) || fail "nothing to compare with: name a checkout of a peer; usage: $usage"
export OMP_NUM_THREADS=2
blas=$(dirname "$(ls /usr/lib/*/openblas-openmp/libblas.so.3 2>/dev/null | head -1)")
[[ $blas != . ]] || fail "no OpenBLAS on OpenMP; run: bench/peers/run.sh --install"
# PyTorch at its best, as in run.sh.
peer() {
  env -u OMP_WAIT_POLICY MALLOC_MMAP_THRESHOLD_=1000000000 MALLOC_TRIM_THRESHOLD_=4000000000 MALLOC_TOP_PAD_=268435456 LD_LIBRARY_PATH="$blas" \
    /usr/bin/python3 -W ignore bench/peers/search_step.py "$1" "${checkout[$1]}" "${networks[@]}" --batch "$batch"
}
filter="^($(IFS='|'; echo "${networks[*]:-.*}"))/search_step/.*/$batch/"
ours() {
  build/bench/train_bench --benchmark_filter="$filter" --benchmark_repetitions=3 --benchmark_min_time=0.2 \
    --benchmark_report_aggregates_only=true --benchmark_format=json 2>/dev/null
}
make -s build/bench/train_bench
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
for ((i = 1; i <= rounds; i++)); do
  echo "bitloom $(ours | tr '\n' ' ')" >>"$rows"
  for name in "${!checkout[@]}"; do
    rates=$(peer "$name") || exit 1
    echo "$name $rates" >>"$rows"
  done
done
echo "Images per second in a search step: $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), 2 threads, $rounds rounds," \
  "$(date -u +%F), commit $(git rev-parse --short HEAD)"
echo
/usr/bin/python3 - "$rows" <<'END_OF_PYTHON'
import collections
import json
import statistics
import sys

rates = collections.defaultdict(lambda: collections.defaultdict(list))  # benchmark -> program -> one per round
for line in open(sys.argv[1]):
    program, data = line.split(" ", 1)
    data = json.loads(data)
    if program == "bitloom":
        data = {b["run_name"].replace("/real_time", ""): b["items_per_second"] for b in data["benchmarks"] if b["aggregate_name"] == "median"}
    for name, rate in data.items():
        rates[name][program].append(rate)
peers = sorted({p for of in rates.values() for p in of} - {"bitloom"})
print("| network, step, batch | bitloom | " + " | ".join(f"{p} | ratio | rounds" for p in peers) + " |")
print("| --- | ---: |" + " ---: | ---: | --- |" * len(peers))
for name, of in rates.items():
    cells = [name.replace("/search_step/", ", ").replace("/", ", "), f"{statistics.median(of['bitloom']):,.0f}"]
    for peer in peers:
        ratios = [ours / theirs for ours, theirs in zip(of["bitloom"], of[peer])]
        cells += [f"{statistics.median(of[peer]):,.0f}", f"{statistics.median(ratios):.1f}", f"{min(ratios):.1f} to {max(ratios):.1f}"]
    print("| " + " | ".join(cells) + " |")
END_OF_PYTHON
