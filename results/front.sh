#!/usr/bin/env bash
# A front: float, w8a8, and searches by layer ({2,4,8}) and by channel ({0,2,4,8}) within budgets, each seed with a float network of its own.
# Resumable: run again after an interruption it continues; a finished run is not repeated.
#
#   results/front.sh OUT LAYER_BUDGETS CHANNEL_BUDGETS OPTION...     OPTION: what every run gets, of `bitloom train` and `bitloom sweep` alike
#
# BITLOOM names the program (build/bitloom), SEEDS the seeds ("1 2 3").
set -euo pipefail
usage='usage: front.sh OUT LAYER_BUDGETS CHANNEL_BUDGETS OPTION...'
out=${1:?$usage} layer=${2:?$usage} channel=${3:?$usage}
shift 3
program=${BITLOOM:-build/bitloom}

for seed in ${SEEDS:-1 2 3}; do
  float=$out/float/$seed
  [[ -f $float/result.json ]] || "$program" train "$@" --seed "$seed" --out "$float"
  start=("$@" --warmup "$float/warmup.npz")
  [[ -f $out/w8a8-s$seed/result.json ]] || "$program" train "${start[@]}" --quant w8a8 --seed "$seed" --out "$out/w8a8-s$seed"
  "$program" sweep "${start[@]}" --seeds "$seed" --budgets "$layer" --granularities layer --offer 248 --jobs 2 --out "$out"
  "$program" sweep "${start[@]}" --seeds "$seed" --budgets "$channel" --granularities channel --offer 0248 --jobs 2 --out "$out"
done
"$program" report "$out"/*-s[0-9]*/ --svg "$out/front.svg" | tee "$out/table.txt"
