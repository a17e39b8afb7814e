#!/usr/bin/env bash
# Anomaly detection on the vibration of a fan: float, w8a8, and searches by layer and by channel within four budgets, three seeds, each with its own
# float network and validation samples. Resumable: run again after an interruption it continues; a finished run is not repeated.
#
#   results/ad/front/run.sh fan_vibration.npz [OUT]     OUT: folder of the runs, else this one
#
# BITLOOM names the program (build/bitloom), SEEDS the seeds ("1 2 3").
set -euo pipefail
data=${1:?usage: run.sh fan_vibration.npz [OUT]}
out=${2:-$(dirname "${BASH_SOURCE[0]}")}
program=${BITLOOM:-build/bitloom}

for seed in ${SEEDS:-1 2 3}; do
  common=(--data "$data" --seed "$seed")
  [[ -f $out/float/$seed/result.json ]] || "$program" train "${common[@]}" --epochs 100 --out "$out/float/$seed"
  common+=(--warmup "$out/float/$seed/warmup.npz")
  [[ -f $out/w8a8-s$seed/result.json ]] || "$program" train "${common[@]}" --quant w8a8 --out "$out/w8a8-s$seed"
  sweep=(--data "$data" --warmup "$out/float/$seed/warmup.npz" --seeds "$seed" --out "$out")
  "$program" sweep "${sweep[@]}" --budgets 132kB,92kB,80kB,67kB --granularities layer --offer 248
  "$program" sweep "${sweep[@]}" --budgets 132kB,92kB,80kB,67kB,40kB,20kB --granularities channel --offer 0248
done
"$program" report "$out"/*-s[0-9]*/ --svg "$out/front.svg" | tee "$out/table.txt"
