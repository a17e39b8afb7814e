#!/usr/bin/env bash
# The CIFAR-10 front of ResNet-8 with half its channels: as ../../cifar10/front/run.sh, but every seed has a float network of its own.
# Resumable: run again after an interruption it continues where it stopped; a finished point is not repeated.
#
#   results/cifar10-half/front/run.sh DATA [OUT]     DATA: cifar-10-binary.tar.gz or its folder; OUT: folder of the points, else this one
#
# BITLOOM names the program (build/bitloom), SEEDS the seeds ("1 2 3"). A point takes 7 minutes of one core of a Zen 3, a float network 50.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
data=${1:?usage: run.sh DATA [OUT]}
out=${2:-$here}
program=${BITLOOM:-build/bitloom}

# shellcheck disable=SC2054
task=(--data "$data" --augment flip,crop=2 --width 0.5)
for seed in ${SEEDS:-1 2 3}; do
  float=$out/float/$seed
  [[ -f $float/result.json ]] ||
    "$program" train "${task[@]}" --seed "$seed" --optimizer sgd --epochs 80 --lr 0.1 --weight-decay 0.0003 --out "$float"
  search=("${task[@]}" --warmup "$float/warmup.npz" --search-epochs 4 --finetune-epochs 6 --seeds "$seed" --jobs 2 --out "$out")
  "$program" sweep "${search[@]}" --granularities layer --budgets 5.1kB,5.9kB,7.5kB --offer 248
  "$program" sweep "${search[@]}" --granularities channel --budgets 5.1kB,5.9kB,7.5kB,3.8kB --offer 0248
  "$program" sweep "${search[@]}" --granularities channel --budgets 5.1kB,5.9kB --offer 248
done
"$program" report "$out"/*-s[0-9]*/ --svg "$out/front.svg" | tee "$out/table.txt"
