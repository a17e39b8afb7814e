#!/usr/bin/env bash
# The CIFAR-10 front: progressive searches by channel and by layer within the same budgets, from one float network, over seeds. Resumable: run
# again after an interruption it continues where it stopped; a finished point is not repeated.
#
#   results/cifar10/front/run.sh DATA [OUT]     DATA: cifar-10-binary.tar.gz or its folder; OUT: folder of the points, else this one
#
# BITLOOM names the program (build/bitloom), SEEDS the seeds ("1 2 3"). Until version 0.3.0 budgets were of bits, packed
# bytes up to 2 % more where channels were removed: those here are a little below the sizes to compare with (15.4, 5.9, 2.9 kB).
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
data=${1:?usage: run.sh DATA [OUT]}
out=${2:-$here}
program=${BITLOOM:-build/bitloom}

# shellcheck disable=SC2054
float=(--augment flip,crop=2 --optimizer sgd --epochs 80 --lr 0.1 --weight-decay 0.0003)
[[ -f $here/float/warmup.npz ]] || "$program" train --data "$data" --seed 1 "${float[@]}" --out "$here/float"
# shellcheck disable=SC2054
search=(--data "$data" --augment flip,crop=2 --warmup "$here/float/warmup.npz" --search-epochs 10 --finetune-epochs 14)

for seed in ${SEEDS:-1 2 3}; do
  "$program" sweep "${search[@]}" --budgets 15kB,5.7kB,2.8kB --offer 0248 --granularities channel --seeds "$seed" --out "$out"
  "$program" sweep "${search[@]}" --budgets 20.1kB,23.9kB,34kB --offer 248 --granularities channel,layer --seeds "$seed" --out "$out"
done
"$program" report "$out"/*-s[0-9]*/ --svg "$out/front.svg" --html "$out/report.html" | tee "$out/table.txt"
